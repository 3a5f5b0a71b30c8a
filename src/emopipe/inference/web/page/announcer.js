/** Announces changes to screen readers through the live region, at a limited rate. */

import { verdict } from "./verdict.js";

const SETTLED = 900; // milliseconds for which a sentence must hold before it is said

export class Announcer {
  constructor(region, settings) {
    Object.assign(this, { region, settings, sentence: "", timer: null });
  }

  /** The faces in view now. */
  show(faces) {
    this.say([summary(faces.length), ...faces.map((face) => `Face ${face.id}: ${verdict(face, this.settings).label}.`)].join(" "));
  }

  say(sentence) {
    if (sentence === this.sentence) return;
    this.sentence = sentence;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.region.textContent = sentence), SETTLED);
  }
}

const summary = (count) => (count === 0 ? "No face in view." : count === 1 ? "1 face in view." : `${count} faces in view.`);
