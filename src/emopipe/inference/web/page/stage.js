/** The image area, the status and the error message. */

const byId = (id) => document.getElementById(id);
const stage = byId("stage");
const frame = byId("frame");

/** @param {"none" | "camera" | "video" | "photo"} kind */
export function showSource(kind, { width = 4, height = 3, mirrored = false } = {}) {
  stage.dataset.source = kind;
  stage.classList.toggle("mirrored", mirrored);
  frame.style.setProperty("--aspect", `${width} / ${height}`);
  frame.classList.toggle("wide", width / height >= stage.clientWidth / stage.clientHeight);
}

/** @param {"loading" | "ready" | "running" | "failed"} state */
export function status(state, text) {
  byId("status").dataset.state = state;
  byId("status-text").textContent = text;
  if (state === "ready") byId("locked").textContent = "";
}

/** Show an error message, or none. */
export function problem(text) {
  byId("problem").hidden = !text;
  byId("problem").textContent = text;
}

/** The legend of the classes. */
export function showLegend(list, colours) {
  for (const [name, colour] of colours) {
    const row = document.createElement("li");
    const patch = document.createElement("i");
    patch.style.setProperty("--tone", colour);
    row.append(patch, name);
    list.append(row);
  }
}
