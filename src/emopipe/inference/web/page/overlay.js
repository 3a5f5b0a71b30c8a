/** Boxes on the image, each with the id and the label of its face. */

import { UNCERTAIN } from "./palette.js";
import { percent, verdict } from "./verdict.js";

const ROOM_FOR_TAG = 0.08; // of the picture's height
const FAR_RIGHT = 0.6; // of its width: the tag grows to the left there

export class Overlay {
  constructor(parent, settings, colours) {
    Object.assign(this, { parent, settings, colours });
    this.boxes = new Map();
  }

  /** Show these faces and no others, in an image of `width` x `height`, optionally mirrored. */
  show(faces, { width, height }, mirrored) {
    const gone = new Set(this.boxes.keys());
    for (const face of faces) {
      gone.delete(face.id);
      const element = this.boxes.get(face.id) ?? this.add(face.id);
      const [left, top, right, bottom] = face.box;
      place(element, (mirrored ? width - right : left) / width, top / height, (right - left) / width, (bottom - top) / height);
      this.label(element, face);
    }
    for (const id of gone) this.remove(id);
  }

  clear() {
    for (const id of [...this.boxes.keys()]) this.remove(id);
  }

  add(id) {
    const element = document.createElement("div");
    element.className = "box";
    element.append(Object.assign(document.createElement("span"), { className: "tag" }));
    this.parent.append(element);
    this.boxes.set(id, element);
    return element;
  }

  remove(id) {
    this.boxes.get(id).remove();
    this.boxes.delete(id);
  }

  label(element, face) {
    const { best, label, certain, share } = verdict(face, this.settings);
    element.classList.toggle("uncertain", !certain);
    element.style.setProperty("--tone", certain ? this.colours.get(best) : UNCERTAIN);
    const number = Object.assign(document.createElement("b"), { textContent: face.id });
    element.firstChild.replaceChildren(number, certain ? `${label} ${percent(share)}` : label);
  }
}

function place(element, left, top, width, height) {
  element.classList.toggle("low", top < ROOM_FOR_TAG);
  element.classList.toggle("right", left > FAR_RIGHT);
  for (const [side, share] of Object.entries({ left, top, width, height })) element.style[side] = `${share * 100}%`;
}
