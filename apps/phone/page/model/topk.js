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
  // Ties go to the first label.
  const ranked = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
  return ranked.slice(0, count).map((at) => ({
    label: labels[at],
    probability: independent ? 1 / (1 + Math.exp(-logits[at])) : Math.exp(logits[at] - largest) / total,
  }));
}
