/** Buttons, keyboard, and drag and drop, as calls of `on`. */

const byId = (id) => document.getElementById(id);
const [camera, stop, open, file] = ["camera", "stop", "open", "file"].map(byId);
const stage = byId("stage");

/** @param {{camera: () => void, file: (file: File) => void, stop: () => void}} on */
export function connect(on) {
  camera.onclick = on.camera;
  stop.onclick = on.stop;
  open.onclick = () => file.click();
  file.onchange = () => {
    if (file.files.length) on.file(file.files[0]);
    file.value = ""; // so that the same file can be opened again
  };
  document.ondragover = (event) => {
    event.preventDefault();
    stage.classList.toggle("dropping", event.dataTransfer.types.includes("Files"));
  };
  document.ondragleave = ({ relatedTarget }) => stage.classList.toggle("dropping", relatedTarget !== null);
  document.ondrop = (event) => {
    event.preventDefault();
    stage.classList.remove("dropping");
    if (!open.disabled && event.dataTransfer.files.length) on.file(event.dataTransfer.files[0]);
  };
}

/** The recogniser is ready. */
export function enable() {
  open.disabled = false;
  running(false);
}

/** Enable the buttons for the state, and keep the focus on an enabled one. */
export function running(isRunning) {
  const lost = document.activeElement === (isRunning ? camera : stop);
  camera.disabled = isRunning;
  stop.disabled = !isRunning;
  if (lost) (isRunning ? stop : camera).focus();
}
