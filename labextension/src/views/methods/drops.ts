import * as React from 'react';
import { useTools } from '../../react';
import { filesOf } from './toolbar';
import type { Source } from './terms';

/** Take files that are dropped, from JupyterLab's file browser or from the desktop. */
export function useDrops(
  frame: React.RefObject<HTMLElement>,
  take: (sources: Source[]) => void
): void {
  const tools = useTools();
  const latest = React.useRef(take);
  latest.current = take;
  React.useEffect(() => {
    const el = frame.current!;
    const isFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const over = (event: DragEvent) => {
      if (isFiles(event)) {
        event.preventDefault();
        el.classList.add('ccp-mod-drop');
      }
    };
    const leave = () => el.classList.remove('ccp-mod-drop');
    const drop = (event: DragEvent) => {
      leave();
      if (isFiles(event)) {
        event.preventDefault();
        latest.current(filesOf(event.dataTransfer!.files));
      }
    };
    el.addEventListener('dragover', over);
    el.addEventListener('dragleave', leave);
    el.addEventListener('drop', drop);
    const end = tools.onFileDrop(el, paths =>
      latest.current(paths.map(path => ({ kind: 'workspace', name: path.split('/').pop()!, path })))
    );
    return () => {
      end();
      el.removeEventListener('dragover', over);
      el.removeEventListener('dragleave', leave);
      el.removeEventListener('drop', drop);
    };
  }, [frame, tools]);
}
