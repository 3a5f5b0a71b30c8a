/** The last minute as stacked areas of the class probabilities, a strip per face, newest at the right. */

import { verdict } from "./verdict.js";

const SPAN = 60; // seconds
const GAP = 1.2; // seconds without the face that show as a gap
const LANE = { height: 52, space: 10, label: 34 }; // CSS pixels
const AXIS = 22;
const MAX_LANES = 5;

export class Chart {
  constructor(canvas, settings, colours) {
    Object.assign(this, { canvas, settings, colours });
    this.lanes = new Map(); // by face: [{at, probabilities}]
    this.context = canvas.getContext("2d");
    this.draw(0);
  }

  clear() {
    this.lanes.clear();
  }

  /** @param {number} now seconds on the page's clock */
  add(faces, now) {
    for (const face of faces) {
      if (!this.lanes.has(face.id)) this.lanes.set(face.id, []);
      this.lanes.get(face.id).push({ at: now, probabilities: face.probabilities });
    }
    for (const [id, samples] of this.lanes) {
      const from = samples.findIndex(({ at }) => at > now - SPAN - GAP);
      if (from < 0) this.lanes.delete(id);
      else samples.splice(0, from);
    }
  }

  draw(now) {
    const lanes = this.shown();
    const width = this.canvas.clientWidth;
    const height = Math.max(1, lanes.length) * (LANE.height + LANE.space) + AXIS;
    this.fit(width, height);
    const style = getComputedStyle(this.canvas);
    const ink = { quiet: style.getPropertyValue("--quiet"), line: style.getPropertyValue("--line"), empty: style.getPropertyValue("--raised") };
    const x = (at) => LANE.label + (1 - (now - at) / SPAN) * (width - LANE.label);
    (lanes.length ? lanes : [["", []]]).forEach(([id, samples], i) => this.lane(id, samples, i * (LANE.height + LANE.space), x, now, ink));
    this.axis(x, now, height, ink);
    this.describe(lanes);
  }

  /** The most recent faces, sorted by id. */
  shown() {
    const latest = [...this.lanes].sort(([, a], [, b]) => b.at(-1).at - a.at(-1).at).slice(0, MAX_LANES);
    return latest.sort(([a], [b]) => a - b);
  }

  fit(width, height) {
    const ratio = devicePixelRatio || 1;
    const [w, h] = [width, height].map((side) => Math.round(side * ratio));
    if (this.canvas.width !== w || this.canvas.height !== h) {
      Object.assign(this.canvas, { width: w, height: h });
      this.canvas.style.height = `${height}px`;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
  }

  lane(id, samples, top, x, now, ink) {
    const { context } = this;
    const [left, right] = [LANE.label, x(now)];
    context.save();
    context.fillStyle = ink.quiet;
    context.font = `600 13px ${getComputedStyle(this.canvas).fontFamily}`;
    context.textBaseline = "middle";
    context.fillText(id && `#${id}`, 0, top + LANE.height / 2);
    context.beginPath();
    context.roundRect(left, top, right - left, LANE.height, 8);
    context.clip();
    context.fillStyle = ink.empty;
    context.fillRect(left, top, right - left, LANE.height);
    for (const run of runs(samples, now)) this.run(run, top, x);
    context.restore();
  }

  /** Samples without a gap: for each class the band between its lower and its upper edge. */
  run(samples, top, x) {
    const { context } = this;
    let lower = samples.map(() => 0);
    this.settings.classes.forEach((name, k) => {
      const upper = samples.map(({ probabilities }, i) => lower[i] + probabilities[k]);
      context.beginPath();
      samples.forEach(({ at }, i) => context.lineTo(x(at), top + (1 - upper[i]) * LANE.height));
      for (let i = samples.length - 1; i >= 0; i--) context.lineTo(x(samples[i].at), top + (1 - lower[i]) * LANE.height);
      context.fillStyle = this.colours.get(name);
      context.fill();
      lower = upper;
    });
  }

  axis(x, now, height, ink) {
    const { context } = this;
    context.fillStyle = ink.quiet;
    context.font = `12px ${getComputedStyle(this.canvas).fontFamily}`;
    context.textBaseline = "alphabetic";
    for (const [seconds, text, align] of [[60, "60 s ago", "left"], [45, "45", "center"], [30, "30", "center"], [15, "15", "center"], [0, "now", "right"]]) {
      context.textAlign = align;
      context.fillText(text, x(now - seconds), height - 6);
    }
    context.textAlign = "left";
  }

  describe(lanes) {
    const said = lanes.map(([id, samples]) => `face ${id} ${verdict(mean(samples), this.settings).best} on the whole`);
    const text = `Emotions over the last minute: ${said.join(", ") || "nothing yet"}`;
    if (this.canvas.getAttribute("aria-label") !== text) this.canvas.setAttribute("aria-label", text);
  }
}

/** Split where the face was away; the last sample holds until the next is due. */
function runs(samples, now) {
  const all = [];
  samples.forEach((sample, i) => {
    if (i === 0 || sample.at - samples[i - 1].at > GAP) all.push([]);
    all.at(-1).push(sample);
  });
  for (const run of all) {
    const { at, probabilities } = run.at(-1);
    run.push({ at: Math.min(at + 0.12, now), probabilities });
  }
  return all;
}

const mean = (samples) => ({
  probabilities: samples[0].probabilities.map((_, k) => samples.reduce((sum, { probabilities }) => sum + probabilities[k], 0) / samples.length),
});
