/** Greedy IoU tracker with exponential smoothing, as in emopipe.inference.tracker. */

import { overlap } from "./boxes.js";

export class Tracker {
  /** @param {{min_iou: number, memory: number, time_constant: number}} of settings.json; times in seconds */
  constructor(settings) {
    this.settings = settings;
    this.tracks = [];
    this.numIds = 0;
  }

  /**
   * Add the faces of the next frame, `seconds` after the start. Ids count from 1, and none is used twice.
   * @returns the faces with an `id` and smoothed `probabilities`, sorted by id
   */
  update(faces, seconds) {
    const recent = ({ seconds: last }) => last <= seconds && seconds - last <= this.settings.memory; // or wound back
    this.tracks = this.tracks.filter(recent);
    const known = this.match(faces);
    const followed = faces.map((face) => {
      const track = known.get(face) ?? this.begin(face, seconds);
      const kept = Math.exp((track.seconds - seconds) / this.settings.time_constant);
      track.probabilities = track.probabilities.map((old, k) => kept * old + (1 - kept) * face.probabilities[k]);
      Object.assign(track, { box: face.box, seconds });
      return { ...face, id: track.id, probabilities: track.probabilities };
    });
    return followed.sort((a, b) => a.id - b.id);
  }

  begin({ box, probabilities }, seconds) {
    const track = { id: ++this.numIds, box, probabilities, seconds };
    this.tracks.push(track);
    return track;
  }

  /** Pairs of a face and a track, largest overlap first; each face and each track at most once. */
  match(faces) {
    const pairs = faces.flatMap((face) => this.tracks.map((track) => ({ face, track, iou: overlap(face.box, track.box) })));
    const known = new Map();
    const taken = new Set();
    for (const { face, track, iou } of pairs.sort((a, b) => b.iou - a.iou)) {
      if (iou < this.settings.min_iou || known.has(face) || taken.has(track)) continue;
      known.set(face, track);
      taken.add(track);
    }
    return known;
  }
}
