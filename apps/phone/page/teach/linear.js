// What teaching needs of linear algebra. Matrices are Float64Array, row by row.

/**
 * Returns the product of a matrix's transpose with itself, each row weighed.
 * @param {Float64Array} rows
 * @param {number} columns
 * @param {(row: number) => number} [weight]
 */
export function gram(rows, columns, weight = () => 1) {
  const out = new Float64Array(columns * columns), count = rows.length / columns;
  for (let row = 0; row < count; row++) {
    const at = row * columns, share = weight(row);
    if (!share) continue;
    for (let one = 0; one < columns; one++) {
      const value = share * rows[at + one], to = one * columns;
      if (value) for (let other = one; other < columns; other++) out[to + other] += value * rows[at + other];
    }
  }
  for (let one = 0; one < columns; one++) {
    for (let other = 0; other < one; other++) out[one * columns + other] = out[other * columns + one];
  }
  return out;
}

/**
 * Returns `one @ other`.
 * @param {Float64Array} one `[rows, inner]`
 * @param {Float64Array} other `[inner, columns]`
 * @param {number} inner
 */
export function product(one, other, inner) {
  const rows = one.length / inner, columns = other.length / inner;
  const out = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let place = 0; place < inner; place++) {
      const value = one[row * inner + place];
      if (!value) continue;
      for (let column = 0; column < columns; column++) {
        out[row * columns + column] += value * other[place * columns + column];
      }
    }
  }
  return out;
}

/**
 * Solves `matrix @ x = right` for a matrix that is symmetric and positive definite (Cholesky).
 * @param {Float64Array} matrix is overwritten
 * @param {Float64Array} right
 */
export function solve(matrix, right) {
  const size = right.length, found = Float64Array.from(right);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row * size + column];
      for (let at = 0; at < column; at++) sum -= matrix[row * size + at] * matrix[column * size + at];
      if (row === column) matrix[row * size + row] = Math.sqrt(Math.max(sum, 1e-300));
      else matrix[row * size + column] = sum / matrix[column * size + column];
    }
  }
  for (let row = 0; row < size; row++) {
    for (let at = 0; at < row; at++) found[row] -= matrix[row * size + at] * found[at];
    found[row] /= matrix[row * size + row];
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let at = row + 1; at < size; at++) found[row] -= matrix[at * size + row] * found[at];
    found[row] /= matrix[row * size + row];
  }
  return found;
}

/**
 * Returns the eigenvalues of a symmetric matrix, ascending, and its eigenvectors as columns:
 * Householder's reduction to three diagonals, then QL with implicit shifts.
 * @param {Float64Array} matrix
 * @param {number} size
 */
export function eigen(matrix, size) {
  const vectors = Float64Array.from(matrix);
  const values = new Float64Array(size), beside = new Float64Array(size);
  tridiagonal(vectors, values, beside, size);
  implicitQL(vectors, values, beside, size);
  const order = [...values.keys()].sort((a, b) => values[a] - values[b]);
  const sorted = new Float64Array(size * size);
  order.forEach((from, to) => {
    for (let row = 0; row < size; row++) sorted[row * size + to] = vectors[row * size + from];
  });
  return { values: Float64Array.from(order, (at) => values[at]), vectors: sorted };
}

/**
 * After it `d` is the diagonal, `e` what is beside it, and `v` the reduction.
 * @param {Float64Array} v
 * @param {Float64Array} d
 * @param {Float64Array} e
 * @param {number} n
 */
function tridiagonal(v, d, e, n) {
  for (let j = 0; j < n; j++) d[j] = v[(n - 1) * n + j];
  for (let i = n - 1; i > 0; i--) {
    let scale = 0, h = 0;
    for (let k = 0; k < i; k++) scale += Math.abs(d[k]);
    if (scale === 0) {
      e[i] = d[i - 1];
      for (let j = 0; j < i; j++) {
        d[j] = v[(i - 1) * n + j];
        v[i * n + j] = v[j * n + i] = 0;
      }
    } else {
      for (let k = 0; k < i; k++) {
        d[k] /= scale;
        h += d[k] * d[k];
      }
      const f = d[i - 1], g = f > 0 ? -Math.sqrt(h) : Math.sqrt(h);
      e[i] = scale * g;
      h -= f * g;
      d[i - 1] = f - g;
      e.fill(0, 0, i);
      for (let j = 0; j < i; j++) {
        v[j * n + i] = d[j];
        let sum = e[j] + v[j * n + j] * d[j];
        for (let k = j + 1; k < i; k++) {
          sum += v[k * n + j] * d[k];
          e[k] += v[k * n + j] * d[j];
        }
        e[j] = sum;
      }
      let dot = 0;
      for (let j = 0; j < i; j++) {
        e[j] /= h;
        dot += e[j] * d[j];
      }
      const share = dot / (h + h);
      for (let j = 0; j < i; j++) e[j] -= share * d[j];
      for (let j = 0; j < i; j++) {
        const one = d[j], other = e[j];
        for (let k = j; k < i; k++) v[k * n + j] -= one * e[k] + other * d[k];
        d[j] = v[(i - 1) * n + j];
        v[i * n + j] = 0;
      }
    }
    d[i] = h;
  }
  for (let i = 0; i < n - 1; i++) {
    v[(n - 1) * n + i] = v[i * n + i];
    v[i * n + i] = 1;
    const h = d[i + 1];
    if (h !== 0) {
      for (let k = 0; k <= i; k++) d[k] = v[k * n + i + 1] / h;
      for (let j = 0; j <= i; j++) {
        let g = 0;
        for (let k = 0; k <= i; k++) g += v[k * n + i + 1] * v[k * n + j];
        for (let k = 0; k <= i; k++) v[k * n + j] -= g * d[k];
      }
    }
    for (let k = 0; k <= i; k++) v[k * n + i + 1] = 0;
  }
  for (let j = 0; j < n; j++) {
    d[j] = v[(n - 1) * n + j];
    v[(n - 1) * n + j] = 0;
  }
  v[n * n - 1] = 1;
  e[0] = 0;
}

/**
 * @param {Float64Array} v
 * @param {Float64Array} d
 * @param {Float64Array} e
 * @param {number} n
 */
function implicitQL(v, d, e, n) {
  e.copyWithin(0, 1);
  e[n - 1] = 0;
  let shift = 0, most = 0;
  for (let l = 0; l < n; l++) {
    most = Math.max(most, Math.abs(d[l]) + Math.abs(e[l]));
    let m = l;
    while (m < n - 1 && Math.abs(e[m]) > Number.EPSILON * most) m++;
    while (m > l && Math.abs(e[l]) > Number.EPSILON * most) {
      let g = d[l], p = (d[l + 1] - g) / (2 * e[l]), r = Math.hypot(p, 1);
      if (p < 0) r = -r;
      d[l] = e[l] / (p + r);
      d[l + 1] = e[l] * (p + r);
      const next = d[l + 1], h = g - d[l];
      for (let i = l + 2; i < n; i++) d[i] -= h;
      shift += h;
      p = d[m];
      let c = 1, c2 = 1, c3 = 1, s = 0, s2 = 0;
      const el1 = e[l + 1];
      for (let i = m - 1; i >= l; i--) {
        [c3, c2, s2] = [c2, c, s];
        g = c * e[i];
        const w = c * p;
        r = Math.hypot(p, e[i]);
        e[i + 1] = s * r;
        s = e[i] / r;
        c = p / r;
        p = c * d[i] - s * g;
        d[i + 1] = w + s * (c * g + s * d[i]);
        for (let k = 0; k < n; k++) {
          const at = k * n + i, x = v[at + 1];
          v[at + 1] = s * v[at] + c * x;
          v[at] = c * v[at] - s * x;
        }
      }
      p = (-s * s2 * c3 * el1 * e[l]) / next;
      e[l] = s * p;
      d[l] = c * p;
    }
    d[l] += shift;
    e[l] = 0;
  }
}
