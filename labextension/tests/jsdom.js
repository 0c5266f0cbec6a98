/** What browsers have and jsdom lacks; JupyterLab's modules ask for it while they are loaded. */
if (typeof MouseEvent !== 'undefined') {
  globalThis.DragEvent = class DragEvent extends MouseEvent {};
  globalThis.matchMedia = () => ({ matches: false, addListener() {}, addEventListener() {} });
}
