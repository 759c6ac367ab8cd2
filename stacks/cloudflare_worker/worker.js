import { WorkerEntrypoint } from 'cloudflare:workers';
import * as bindings from './index_bg.js';
import module from './index_bg.wasm';

const instance = new WebAssembly.Instance(module, { './index_bg.js': bindings });
bindings.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start();

export default class extends WorkerEntrypoint {
  fetch(request) {
    return bindings.fetch(request, this.env, this.ctx);
  }
}
