/** The worker: an image in, its faces with their probabilities out. */

import * as ort from "./runtime/ort.wasm.bundle.min.mjs";
import { Classifier } from "./classifier.js";
import { Detector } from "./detector.js";

const canvas = new OffscreenCanvas(1, 1);
const context = canvas.getContext("2d", { willReadFrequently: true });
let detector;
let classifier;

async function load({ settings, wasm, detector: detectorGraph, classifier: classifierGraph }) {
  Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary: wasm });
  const open = (graph) => ort.InferenceSession.create(new Uint8Array(graph), { executionProviders: ["wasm"] });
  detector = new Detector(ort, await open(detectorGraph), settings.detector);
  classifier = new Classifier(ort, await open(classifierGraph), settings);
}

async function recognise({ bitmap }) {
  const start = performance.now();
  const image = pixels(bitmap);
  const found = await detector.detect(image);
  const probabilities = await classifier.classify(image, found.map(({ box }) => box));
  const faces = found.map((face, i) => ({ ...face, probabilities: probabilities[i] }));
  return { width: image.width, height: image.height, faces, milliseconds: performance.now() - start };
}

/** RGBA of a bitmap; closes it. */
function pixels(bitmap) {
  const { width, height } = bitmap;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.clearRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

const TASKS = { load, recognise };

self.onmessage = async ({ data: { id, kind, ...message } }) => {
  try {
    self.postMessage({ id, value: await TASKS[kind](message) });
  } catch (error) {
    self.postMessage({ id, error: error.message });
  }
};
