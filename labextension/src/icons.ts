import { LabIcon } from '@jupyterlab/ui-components';

/** Of panels, launcher cards and the status bar: a container with work in it. */
export const ccpIcon = new LabIcon({
  name: 'ccp:logo',
  // The outer classes keep themes from filling what is an outline.
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16">
  <g class="jp-icon-none" fill="none"><g class="jp-icon3" stroke="#616161" stroke-width="1.4" stroke-linejoin="round">
    <path d="M2 5 8 2l6 3v6l-6 3-6-3z"/><path d="M2 5l6 3 6-3M8 8v6"/>
  </g></g>
</svg>`
});
