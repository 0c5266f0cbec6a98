import { IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';

/** Draw content as outputs of cells are drawn: what came from elsewhere is not trusted. */
export async function preview(
  rendermime: IRenderMimeRegistry,
  el: HTMLElement,
  mime: string,
  data: string
): Promise<boolean> {
  const type = rendermime.preferredMimeType({ [mime]: data }, 'ensure');
  if (!type) {
    return false;
  }
  const renderer = rendermime.createRenderer(type);
  // Bundles of outputs have JSON as objects.
  const content = /\bjson$/.test(mime) ? JSON.parse(data) : data;
  await renderer.renderModel(new MimeModel({ data: { [mime]: content }, trusted: false }));
  el.replaceChildren();
  Widget.attach(renderer, el);
  return true;
}
