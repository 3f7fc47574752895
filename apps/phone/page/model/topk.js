// Logits become a few named probabilities: edgevid/runtime/topk.py.

/**
 * Returns the best labels and their probabilities, best first.
 * @param {Float32Array} logits
 * @param {readonly string[]} labels one for each logit
 * @param {number} count
 * @param {boolean} [independent] whether each label has a probability of its own: then it is the
 *   logistic function of its logit, else they share one by softmax
 * @returns {import("../watch/events.js").Score[]}
 */
export function topK(logits, labels, count, independent = false) {
  const largest = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - largest);
  return largestOf(logits, count).map((at) => ({
    label: labels[at],
    probability: independent ? 1 / (1 + Math.exp(-logits[at])) : Math.exp(logits[at] - largest) / total,
  }));
}

/**
 * Returns where the largest values are, largest first; of equal ones the first is.
 * @param {Float32Array} values
 * @param {number} count
 */
function largestOf(values, count) {
  /** @type {number[]} */
  const found = [];
  for (let at = 0; at < values.length; at++) {
    if (found.length === count && values[at] <= values[found[count - 1]]) continue;
    let place = found.length === count ? count - 1 : found.length;
    while (place > 0 && values[found[place - 1]] < values[at]) place--;
    found.splice(place, 0, at);
    if (found.length > count) found.pop();
  }
  return found;
}
