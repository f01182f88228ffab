"use strict";
// Click or Enter on an operator, or its id behind the page's address (#op0-ptq-3), marks the
// source lines that made it, and shows the first one.
function pick(operator) {
  for (const old of document.querySelectorAll(".picked")) old.classList.remove("picked");
  operator.classList.add("picked");
  const lines = operator.dataset.lines.split(" ").filter(Boolean)
    .map((id) => document.getElementById(id)).filter(Boolean);
  for (const line of lines) line.classList.add("picked");
  if (lines.length) {
    lines[0].closest("details").open = true;
    lines[0].scrollIntoView({ block: "center", behavior: "smooth" });
  }
}
for (const operator of document.querySelectorAll(".op")) {
  operator.addEventListener("click", () => pick(operator));
  operator.addEventListener("keydown", (event) => {
    if (event.key === "Enter") pick(operator);
  });
}
const linked = document.getElementById(location.hash.slice(1));
if (linked && linked.classList.contains("op")) pick(linked);
