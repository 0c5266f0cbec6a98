import * as React from 'react';

/** Whether an element is at least so wide, pixels; false until it was measured. */
export function useWide(el: React.RefObject<HTMLElement>, pixels: number): boolean {
  const [wide, setWide] = React.useState(false);
  React.useLayoutEffect(() => {
    if (!el.current || typeof ResizeObserver === 'undefined') {
      return;
    }
    const measure = () => setWide(el.current!.clientWidth >= pixels);
    const observer = new ResizeObserver(measure);
    measure();
    observer.observe(el.current);
    return () => observer.disconnect();
  }, [el, pixels]);
  return wide;
}
