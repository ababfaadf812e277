/* dev.js - reloads the page when what it was made of has changed (gale dev).
 *
 * The page says in this script's address which app made it and at what state of the builds; the
 * server tells each new state. A tab that nobody sees is not connected: browsers allow few
 * connections to one host, and it looks again when it is shown. */
(() => {
  "use strict";
  const own = new URL(document.currentScript.src);
  const app = own.searchParams.get("app") || "", made = own.searchParams.get("at");
  if (window.galeDev) return;
  window.galeDev = { app, at: made };

  let source = null;
  const disconnect = () => { source?.close(); source = null; };

  const changed = (now) => {
    if (now === made) return;
    disconnect();
    // A page that comes out of a cache as it was would be reloaded for ever.
    const key = "gale-dev " + location.href, tried = made + " " + now;
    if (sessionStorage.getItem(key) === tried) {
      console.warn("gale dev: this page stays the same when it is reloaded; is it cached?");
      return;
    }
    sessionStorage.setItem(key, tried);
    location.reload();
  };

  let delay = 0;
  const again = () => {
    disconnect();
    setTimeout(connect, delay);
    delay = Math.min(2 * delay + 100, 2000);
  };
  const connect = () => {
    if (source || document.hidden) return;
    source = new EventSource("/.gale/dev?app=" + encodeURIComponent(app));
    source.onmessage = (event) => { delay = 0; changed(event.data); };
    source.addEventListener("again", again); // the worker ends; another one goes on
    source.onerror = again;
  };

  const start = () => {
    document.addEventListener("visibilitychange",
                              () => (document.hidden ? disconnect() : connect()));
    addEventListener("pagehide", disconnect);
    addEventListener("pageshow", connect);
    connect();
  };

  // Of pages in each other the outermost one reloads, which may have its script only at its end.
  try {
    const outer = parent !== window && parent.document;
    if (!outer) start();
    else if (outer.readyState === "complete") parent.galeDev || start();
    else parent.addEventListener("load", () => parent.galeDev || start());
  } catch { start(); /* a page of somebody else */ }
})();
