// A classic script in the head: the right colours stand before anything is drawn. `superslab:theme` is
// dispatched on the document when they change.
(() => {
  const key = 'superslab-inspector-theme';
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem(key);
  } catch {
    // Storage is switched off: the system's theme it is.
  }

  const apply = () => {
    const theme = chosen ?? (dark.matches ? 'dark' : 'light');
    if (root.dataset.theme === theme) return;
    root.dataset.theme = theme;
    document.dispatchEvent(new Event('superslab:theme'));
  };

  apply();
  dark.addEventListener('change', apply);
  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme')!;
    const label = () => {
      const other = root.dataset.theme === 'dark' ? 'light' : 'dark';
      button.setAttribute('aria-label', `Switch to the ${other} theme`);
      button.title = `Switch to the ${other} theme`;
    };
    label();
    document.addEventListener('superslab:theme', label);
    button.addEventListener('click', () => {
      chosen = root.dataset.theme === 'dark' ? 'light' : 'dark';
      // Whoever comes back to what the system says follows the system again.
      const followsSystem = (chosen === 'dark') === dark.matches;
      try {
        if (followsSystem) localStorage.removeItem(key);
        else localStorage.setItem(key, chosen);
      } catch {}
      apply();
      if (followsSystem) chosen = null;
    });
  });
})();
