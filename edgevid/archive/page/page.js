"use strict";

const list = document.querySelector("#answers");
const problem = document.querySelector("#problem");

function count() {
  const marked = (mark) => list.querySelectorAll(`[data-mark="${mark}"]`).length;
  document.querySelector("#count").textContent =
    `${marked("right")} right, ${marked("wrong")} wrong, ${marked("")} left`;
}

function show(item, mark) {
  item.dataset.mark = mark;
  for (const button of item.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === mark));
  }
}

async function asked(address, body) {
  try {
    const answer = await fetch(address, body === undefined ? {} : { method: "POST", body });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.problem);
    problem.hidden = true;
    return told;
  } catch (error) {
    problem.textContent =
      error instanceof TypeError ? "The program that shows this page has ended." : error.message;
    problem.hidden = false;
    return null;
  }
}

async function mark(item, number, value) {
  const told = await asked(`mark/${number}`, item.dataset.mark === value ? "" : value);
  if (told !== null) show(item, told.mark);
  count();
}

async function start() {
  const answers = (await asked("answers")) ?? [];
  answers.forEach((answer, number) => {
    const item = document.querySelector("#answer").content.cloneNode(true).firstElementChild;
    const picture = item.querySelector("img");
    picture.src = `${number}.jpg`;
    picture.alt = `no picture: ${answer.source} cannot be read`;
    picture.addEventListener("load", () => (picture.alt = `${answer.what}, three pictures`));
    item.querySelector(".what").textContent = answer.what;
    item.querySelector(".where").textContent = answer.where;
    item.querySelector("[role=group]").setAttribute("aria-label", answer.what);
    for (const button of item.querySelectorAll("button")) {
      button.addEventListener("click", () => mark(item, number, button.value));
    }
    show(item, answer.mark);
    list.append(item);
  });
  count();
}

start();
