/** A card for each face, with its label and a bar per class. */

import { UNCERTAIN } from "./palette.js";
import { percent, verdict } from "./verdict.js";

export class Cards {
  constructor(list, count, settings, colours) {
    Object.assign(this, { list, count, settings, colours });
    this.cards = new Map();
  }

  /** Show these faces and no others. */
  show(faces) {
    const present = new Set(faces.map(({ id }) => id));
    for (const [id, card] of this.cards) {
      if (present.has(id)) continue;
      card.remove();
      this.cards.delete(id);
    }
    for (const face of faces) this.fill(this.cards.get(face.id) ?? this.add(face.id), face);
    this.count.textContent = faces.length ? `${faces.length} in view` : "none";
  }

  add(id) {
    const card = element("li", "face");
    card.dataset.face = id;
    const title = element("h3");
    title.append(element("span", "label"), element("span", "hint"), element("span", "who", `Face ${id}`));
    const rows = element("ul", "emotions");
    rows.append(...this.settings.classes.map((name) => this.row(name)));
    card.append(title, rows);
    this.list.append(card);
    this.cards.set(id, card);
    return card;
  }

  row(name) {
    const row = element("li");
    row.style.setProperty("--tone", this.colours.get(name));
    const bar = element("span", "bar");
    bar.setAttribute("aria-hidden", "true");
    bar.append(element("i"));
    row.append(element("span", "name", name), bar, element("span", "value"));
    return row;
  }

  fill(card, face) {
    const { best, label, certain } = verdict(face, this.settings);
    card.style.setProperty("--tone", certain ? this.colours.get(best) : UNCERTAIN);
    card.querySelector(".label").textContent = label;
    card.querySelector(".hint").textContent = certain ? "" : `perhaps ${best}`;
    [...card.querySelectorAll(".emotions li")].forEach((row, k) => {
      const share = face.probabilities[k];
      row.classList.toggle("top-one", this.settings.classes[k] === best);
      row.style.setProperty("--share", share.toFixed(4));
      row.querySelector(".value").textContent = percent(share);
    });
  }
}

function element(tag, className = "", textContent = "") {
  return Object.assign(document.createElement(tag), { className, textContent });
}
