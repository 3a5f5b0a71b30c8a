/**
 * The recogniser, in a worker, so that the page stays responsive. The page downloads weights, settings and WebAssembly
 * once; the worker has a policy that blocks every connection.
 */

const FILES = {
  settings: "settings.json",
  wasm: "runtime/ort-wasm-simd-threaded.wasm",
  detector: "models/detector.onnx",
  classifier: "models/classifier.onnx",
};

export class Engine {
  /** @param {(share: number) => void} onProgress receives the downloaded share, 0 to 1 */
  static async load(onProgress) {
    const settings = await (await fetched(FILES.settings)).json();
    const names = ["wasm", "detector", "classifier"];
    const done = new Map();
    const tell = (name, bytes) => onProgress(sum(done.set(name, bytes).values()) / sum(names.map((n) => settings.bytes[n])));
    const buffers = await Promise.all(names.map((name) => download(FILES[name], (bytes) => tell(name, bytes))));
    const engine = new Engine(settings);
    const [wasm, detector, classifier] = buffers;
    await engine.ask({ kind: "load", settings, wasm, detector, classifier }, buffers);
    return engine;
  }

  constructor(settings) {
    this.settings = settings;
    this.waiting = new Map();
    this.asked = 0;
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.answer(data);
    this.worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new Error(event.message || "the recogniser did not start"));
    };
  }

  /**
   * The faces of an image, highest score first; closes `bitmap`.
   * @returns {Promise<{width: number, height: number, milliseconds: number,
   *                    faces: {box: number[], score: number, probabilities: number[]}[]}>}
   */
  recognise(bitmap) {
    return this.ask({ kind: "recognise", bitmap }, [bitmap]);
  }

  ask(message, transfer) {
    const id = ++this.asked;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, ...message }, transfer);
    });
  }

  answer({ id, value, error }) {
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve(value);
  }
}

const sum = (values) => [...values].reduce((total, value) => total + value, 0);

async function fetched(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} did not come (status ${response.status})`);
  return response;
}

async function download(address, onBytes) {
  const reader = (await fetched(address)).body.getReader();
  const chunks = [];
  let bytes = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    onBytes((bytes += part.value.length));
  }
  return new Blob(chunks).arrayBuffer();
}
