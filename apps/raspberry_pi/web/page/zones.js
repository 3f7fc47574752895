// Zones and masks, drawn on what a camera shows: by mouse, finger or keys; and what it follows.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
let zoneCameras = [];
let shownCamera = "";
let shapes = []; // of the camera that is shown: {mask, name, points, allow, dwell}
let drawn = null; // what is being drawn
let cross = null; // where the keys are, in pixels of the picture

const FOLLOWS = {
  none: "The whole picture is watched at once. For zones choose what it follows.",
  motion: "What moves is watched by itself, and told with its zone. For a camera that stands still.",
  "people-close": "As for people, but of who stands the upper body alone is watched: for what they do with their hands.",
  people: "People are found and watched by themselves, and told with their zone. What finds them is fetched from the internet the first time.",
};
const WHOLE = {
  crop: "Only a part of the picture is watched (crop in edgevid.toml), so it can follow nothing, and has masks only.",
  features: "It keeps features, which are of the whole picture (features in edgevid.toml), so it can follow nothing, and has masks only.",
};

const place = find("drawn");
const size = () => [find("zone-picture").naturalWidth || 640, find("zone-picture").naturalHeight || 480];

async function loadZones() {
  const answer = await fetch("/review/zones");
  if (!answer.ok) return;
  ({ cameras: zoneCameras } = await answer.json());
  find("zone-camera").replaceChildren(...zoneCameras.map((camera) => {
    const option = document.createElement("option");
    option.value = option.textContent = camera.name;
    return option;
  }));
  showCamera();
}

function showCamera() {
  const shown = camera();
  if (!shown) return;
  shownCamera = shown.name;
  endDrawing();
  shapes = [
    ...shown.zones.map((zone) => ({ mask: false, ...zone })),
    ...shown.masks.map((points) => ({ mask: true, points })),
  ];
  find("zone-follow").value = shown.follows || "none";
  find("zone-follow").disabled = Boolean(shown.whole);
  showFollowed();
  const picture = find("zone-picture");
  picture.onload = () => { find("canvas").hidden = false; paint(); };
  picture.onerror = () => { find("canvas").hidden = true; set(find("zone-hint"), "There is no picture of this camera now."); };
  picture.src = `/cameras/${encodeURIComponent(shown.name)}/picture.jpg?plain&${Date.now()}`;
  find("save-zones").disabled = true;
  listShapes();
}

const camera = () => zoneCameras.find((one) => one.name === find("zone-camera").value);

function showFollowed() {
  const { whole, in_file: inFile } = camera();
  const what = find("zone-follow").value;
  find("new-zone").disabled = what === "none";
  const parts = [WHOLE[whole] ?? FOLLOWS[what]];
  if (what !== "none") parts.push("Two at a time take three to four times the processor time of the whole picture.");
  if (what === "none" && shapes.some((one) => !one.mask)) parts.push("Zones count only while something is followed.");
  if (inFile) parts.push("These zones are those of edgevid.toml; what you save counts instead.");
  set(find("zone-hint"), parts.join(" "));
}

function made_svg(kind, attributes, type = "") {
  const element = document.createElementNS(SVG, kind);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (type) element.setAttribute("class", type);
  return element;
}

function paint() {
  const [width, height] = size();
  place.setAttribute("viewBox", `0 0 ${width} ${height}`);
  place.setAttribute("preserveAspectRatio", "none");
  const text = (points) => points.map((point) => point.join(",")).join(" ");
  const parts = shapes.map((shape) => made_svg("polygon", { points: text(shape.points) }, shape.mask ? "mask" : ""));
  if (drawn) {
    parts.push(made_svg("polyline", { points: text(drawn.points) }, drawn.mask ? "mask" : ""));
    parts.push(...drawn.points.map(([cx, cy]) => made_svg("circle", { cx, cy, r: width / 90 })));
  }
  if (cross) {
    const [x, y] = cross;
    const arm = width / 30;
    parts.push(made_svg("path", { d: `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}` }, "cross"));
  }
  place.replaceChildren(...parts);
}

function listShapes() {
  find("shapes").replaceChildren(...shapes.map((shape) => {
    const item = made("shape-row");
    set(item.querySelector(".kind"), shape.mask ? "Mask" : "Zone");
    for (const part of item.querySelectorAll(".of-zone")) part.hidden = shape.mask;
    const [name, allow, dwell] = [".name", ".allow", ".dwell"].map((one) => item.querySelector(one));
    if (!shape.mask) {
      name.value = shape.name ?? "";
      allow.value = (shape.allow ?? []).join(", ");
      dwell.value = shape.dwell ?? "";
      name.oninput = () => { shape.name = name.value; touched(); };
      allow.oninput = () => { shape.allow = allow.value.split(",").map((one) => one.trim()).filter(Boolean); touched(); };
      dwell.oninput = () => { shape.dwell = dwell.value ? Number(dwell.value) : null; touched(); };
    }
    item.querySelector(".away").onclick = () => {
      shapes = shapes.filter((one) => one !== shape);
      listShapes();
      paint();
      touched();
      find("save-zones").focus();
    };
    return item;
  }));
}

const touched = () => { find("save-zones").disabled = false; };

function beginDrawing(mask) {
  const [width, height] = size();
  drawn = { mask, points: [] };
  cross = [Math.round(width / 2), Math.round(height / 2)];
  find("drawing").hidden = false;
  set(find("zone-hint"), "Click or tap the corners; or move the cross with the arrows and press Enter.");
  paint();
  place.focus();
}

function corner(x, y) {
  const [width, height] = size();
  if (!drawn) return;
  drawn.points.push([Math.round(Math.min(width, Math.max(0, x))), Math.round(Math.min(height, Math.max(0, y)))]);
  paint();
}

function endDrawing() {
  drawn = cross = null;
  find("drawing").hidden = true;
  paint();
}

function closeShape() {
  if (!drawn || drawn.points.length < 3) return set(find("zone-hint"), "A shape needs three corners.");
  const number = shapes.filter((one) => !one.mask).length + 1;
  shapes.push(drawn.mask ? drawn : { ...drawn, name: `zone ${number}`, allow: [], dwell: null });
  const mask = drawn.mask;
  endDrawing();
  listShapes();
  paint();
  touched();
  set(find("zone-hint"), "Save to have it count.");
  if (mask) find("save-zones").focus();
  else find("shapes").lastElementChild.querySelector(".name").focus();
}

place.addEventListener("pointerdown", (pressed) => {
  if (!drawn) return;
  const box = place.getBoundingClientRect();
  const [width, height] = size();
  cross = null;
  corner(((pressed.clientX - box.x) / box.width) * width, ((pressed.clientY - box.y) / box.height) * height);
});
place.addEventListener("keydown", (pressed) => {
  if (!drawn) return;
  const [width, height] = size();
  const by = pressed.shiftKey ? 1 : Math.round(width / 40);
  const ways = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
  if (ways[pressed.key]) {
    cross ??= [width / 2, height / 2];
    const [dx, dy] = ways[pressed.key];
    cross = [Math.min(width, Math.max(0, cross[0] + dx)), Math.min(height, Math.max(0, cross[1] + dy))];
    paint();
  } else if (pressed.key === "Enter" || pressed.key === " ") corner(...(cross ?? [width / 2, height / 2]));
  else if (pressed.key === "Backspace") takeBack();
  else if (pressed.key === "Escape") { endDrawing(); find("new-mask").focus(); }
  else return;
  pressed.preventDefault();
});

function takeBack() {
  drawn?.points.pop();
  paint();
}

find("zone-camera").onchange = () => {
  if (find("save-zones").disabled) return showCamera();
  find("zone-camera").value = shownCamera;
  set(find("zone-hint"), `Save what you drew for ${shownCamera} first; or load the page again to leave it as it was.`);
};
find("zone-follow").onchange = () => { showFollowed(); touched(); };
find("new-zone").onclick = () => beginDrawing(false);
find("new-mask").onclick = () => beginDrawing(true);
find("zone-close").onclick = closeShape;
find("zone-back").onclick = takeBack;
find("zone-cancel").onclick = endDrawing;
find("save-zones").onclick = async () => {
  const { name, follows, follow } = camera();
  const what = find("zone-follow").value;
  const asked = {
    camera: name,
    follow: what === (follows || "none") ? follow : what,
    zones: shapes.filter((one) => !one.mask).map(({ name, points, allow, dwell }) => ({ name, points, allow, dwell })),
    masks: shapes.filter((one) => one.mask).map((one) => one.points),
  };
  find("save-zones").disabled = true;
  said("Saving …"); // to fetch what finds people takes a while
  if (!(await send("draw", asked))) return touched();
  await loadZones();
  find("zone-camera").value = name;
  showCamera();
  said(`Saved: zones and masks of ${name} count from now on.`);
};

loadZones();
