// The build puts LiteRT.js here; see apps/phone/site.py.
export * from "@litertjs/core";
