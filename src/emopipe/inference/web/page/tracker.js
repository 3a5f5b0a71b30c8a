/** Which face of a frame is which of the frames before, and what a face has shown of late. */

import { overlap } from "./boxes.js";

export class Tracker {
  /** @param {{min_iou: number, memory: number, time_constant: number}} settings of src/emopipe/recognition; seconds */
  constructor(settings) {
    this.settings = settings;
    this.tracks = [];
    this.numIds = 0;
  }

  /**
   * Take the faces of the next frame, `seconds` since the start. Greedy by overlap; ids count from 1 and are never
   * given twice. Smoothing is exponential in time, so that it does not depend on the frame rate.
   * @returns the faces with an `id` and smoothed `probabilities`, in the order of their ids
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

  /** Each face with its track, those that overlap most first; each face and each track at most once. */
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
