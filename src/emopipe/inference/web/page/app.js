/** The page: loads the recogniser, opens sources, and shows the predictions of each frame. */

import { Announcer } from "./announcer.js";
import { Cards } from "./cards.js";
import { Chart } from "./chart.js";
import { connect, enable, running } from "./controls.js";
import { Engine } from "./engine.js";
import { lock } from "./lock.js";
import { download, Log } from "./log.js";
import { Overlay } from "./overlay.js";
import { palette } from "./palette.js";
import { cameraSource, fileSource } from "./sources.js";
import { problem, showLegend, showSource, status } from "./stage.js";
import { Tracker } from "./tracker.js";
import { percent, verdict } from "./verdict.js";

const byId = (id) => document.getElementById(id);
const video = byId("video");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const STEP = { calm: 1, usual: 0.2 }; // least seconds between two drawings of the chart

const engine = await Engine.load((share) => status("loading", `Loading ${percent(share)}`)).catch((error) => {
  status("failed", "Not loaded");
  problem(`The page did not load: ${error.message}. Is \`emopipe web\` still running? Start it and load the page again.`);
  throw error;
});
lock();

const { settings } = engine;
const colours = palette(settings.classes);
const overlay = new Overlay(byId("boxes"), settings, colours);
const cards = new Cards(byId("faces"), byId("count"), settings, colours);
const chart = new Chart(byId("chart"), settings, colours);
const log = new Log(settings.classes);
const announcer = new Announcer(byId("announcement"), settings);
let current = { abort() {} };

/** Open a source, and process it until it ends or the user stops it. */
async function start(open) {
  stop();
  problem("");
  const controller = new AbortController();
  current = controller;
  running(true);
  try {
    const source = await open();
    controller.signal.addEventListener("abort", source.close, { once: true });
    if (controller.signal.aborted) return source.close();
    showSource(source.kind);
    await follow(source, controller.signal);
  } catch (error) {
    if (controller.signal.aborted) return;
    stop();
    problem(error.message);
  }
}

function stop() {
  current.abort();
  current = { abort() {} };
  showSource("none");
  show([], { width: 1, height: 1 }, false);
  running(false);
  status("ready", "Ready");
}

async function follow(source, signal) {
  const tracker = new Tracker(settings.tracker);
  const began = performance.now() / 1000;
  let frame = 0;
  let last = { shown: began, drawn: 0, interval: 0 };
  chart.clear();
  for await (const { bitmap, at } of source.frames(signal)) {
    const { width, height } = bitmap;
    const { faces: found, milliseconds } = await engine.recognise(bitmap);
    if (signal.aborted) return;
    const now = performance.now() / 1000;
    const moment = source.moment({ frame: frame++, at, since: now - began });
    const faces = tracker.update(found, moment.seconds ?? 0).map((face) => ({ ...face, ...verdict(face, settings) }));
    showSource(source.kind, { width, height, mirrored: source.mirrored });
    show(faces, { width, height }, source.mirrored);
    record(faces, { source: source.name, ...moment });
    if (source.kind === "photo") return status("running", `Photo, ${milliseconds.toFixed(0)} ms`);
    last = tick(last, now, faces, milliseconds);
  }
}

/** Speed and chart, after a frame. */
function tick({ shown, drawn, interval }, now, faces, milliseconds) {
  const smoothed = interval ? 0.9 * interval + 0.1 * (now - shown) : now - shown;
  status("running", `${(1 / smoothed).toFixed(1)} frames/s · ${milliseconds.toFixed(0)} ms`);
  chart.add(faces, now);
  const due = now - drawn >= (calm.matches ? STEP.calm : STEP.usual);
  if (due) chart.draw(now);
  return { shown: now, drawn: due ? now : drawn, interval: smoothed };
}

function show(faces, size, mirrored) {
  overlay.show(faces, size, mirrored);
  cards.show(faces);
  announcer.show(faces);
}

function record(faces, moment) {
  log.add(faces, moment);
  showRows();
}

function showRows() {
  const left_out = log.left_out ? `, ${log.left_out.toLocaleString("en")} more left out: full` : "";
  byId("rows").textContent = `${log.rows.length.toLocaleString("en")} rows${left_out}`;
  byId("csv").disabled = byId("clear").disabled = !log.rows.length;
}

connect({
  camera: () => start(() => cameraSource(video, () => (stop(), problem("The camera was disconnected.")))),
  file: (file) => start(() => fileSource(file, video, byId("photo"))),
  stop,
});
byId("csv").onclick = () => download(log.csv(), `emotions-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.csv`);
byId("clear").onclick = () => (log.clear(), showRows());
addEventListener("resize", () => chart.draw(performance.now() / 1000));
addEventListener("pagehide", () => current.abort());

showLegend(byId("legend"), colours);
byId("model").textContent = `${settings.classes.length} emotions, live`;
byId("model").title = settings.model;
enable();
status("ready", "Ready");
announcer.say("Ready. Start the camera, or open a photo or a video.");
