// Keeps the page's look and the state's theme in step.
//
// Starts from what Jupyter or Voilà shows and follows it when it changes; Python may override it.

function render({ model, el }) {
  el.style.display = "none";
  const hostIsDark = () => {
    const light = document.body.dataset.jpThemeLight;
    return light ? light === "false" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const apply = () => el.closest(".wb")?.classList.toggle("wb-dark", model.get("dark"));
  const follow = () => {
    if (model.get("dark") !== hostIsDark()) {
      model.set("dark", hostIsDark());
      model.save_changes();
    }
    apply();
  };
  const observer = new MutationObserver(follow);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  model.on("change:dark", apply);
  requestAnimationFrame(follow); // once the element is in the page
  return () => observer.disconnect();
}

export default { render };
