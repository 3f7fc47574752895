// Runs the network away from the page, so that the picture never waits for it.
//
// A classic worker, since LiteRT.js loads itself with importScripts.

const loading = import("./model/serve.js");
self.onmessage = async ({ data }) => (await loading).answer(data);
loading.catch((error) => self.postMessage({ id: 0, error: String(error) }));
