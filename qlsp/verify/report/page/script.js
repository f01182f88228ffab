"use strict";
// Click, Enter, or an operator's id behind the page's address (#op0-ptq-3) picks it: its lines of
// source are marked and shown, and what is said of it. A click on a line picks what it made.
const aside = document.getElementById("source");
const operators = [...document.querySelectorAll(".op")];
const linesOf = (operator) => operator.dataset.lines.split(" ").filter(Boolean)
  .map((id) => document.getElementById(id)).filter(Boolean);
const made = new Map();
for (const operator of operators) {
  for (const line of linesOf(operator)) {
    line.classList.add("made");
    made.set(line, [...(made.get(line) || []), operator]);
  }
}

function clear(name) {
  for (const old of document.querySelectorAll("." + name)) old.classList.remove(name);
}

function describe(picked) {
  const card = document.getElementById("card");
  const [first, ...rest] = picked[0].querySelector("title").textContent.split("\n");
  const name = document.createElement("b");
  name.textContent = picked.length > 1 ? `${picked.length} operators` : first;
  const others = picked.map((each) => each.querySelector("title").textContent.split("\n"));
  const text = picked.length > 1 ? others.map((each) => each.slice(0, 2).join("  ")) : rest;
  card.replaceChildren(name, document.createTextNode("\n" + text.join("\n")));
}

function show(element, box) {
  for (let each = element.parentElement; each && each !== box; each = each.parentElement) {
    if (each.tagName === "DETAILS") each.open = true;
  }
  const place = element.getBoundingClientRect(), frame = box.getBoundingClientRect();
  if (place.top < frame.top + 30 || place.bottom > frame.bottom - 90) {
    box.scrollTop += (place.top + place.bottom - frame.top - frame.bottom) / 2;
  }
}

function pick(picked, move) {
  clear("picked");
  clear("near");
  for (const operator of picked) operator.classList.add("picked");
  const other = picked.length === 1 && document.getElementById(picked[0].dataset.other);
  if (other) other.classList.add("near");
  if (move) {
    picked[0].closest(".graphs").scrollIntoView({ block: "nearest" });
    show(picked[0], picked[0].closest(".graphs"));
  }
  if (!aside) return;
  describe(picked);
  aside.classList.add("open");
  const lines = [...new Set(picked.flatMap(linesOf))];
  for (const line of lines) line.classList.add("picked");
  if (lines.length) show(lines[0], document.getElementById("files"));
}

function follow() {
  const linked = document.getElementById(location.hash.slice(1));
  if (linked && linked.classList.contains("op")) pick([linked], true);
}

for (const operator of operators) {
  operator.addEventListener("click", () => {
    history.replaceState(null, "", "#" + operator.id);
    pick([operator], false);
  });
  operator.addEventListener("keydown", (event) => {
    if (event.key === "Enter") operator.dispatchEvent(new Event("click"));
  });
  operator.addEventListener("pointerenter", () => {
    for (const line of linesOf(operator)) line.classList.add("near");
  });
  operator.addEventListener("pointerleave", () => {
    for (const line of linesOf(operator)) line.classList.remove("near");
  });
}
for (const [line, picked] of made) line.addEventListener("click", () => pick(picked, true));
for (const link of document.querySelectorAll('a[href^="#op"]')) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    history.replaceState(null, "", link.getAttribute("href"));
    follow();
  });
}
if (aside) {
  document.getElementById("close").addEventListener("click", () => aside.classList.remove("open"));
}
window.addEventListener("hashchange", follow);
follow();
