// Fits a head away from the page, which stays in hand meanwhile.

import { learn } from "./choosing.js";

self.onmessage = ({ data }) => self.postMessage(learn(data.examples, data.fps));
