// Shows the callback URL with the link name that is being typed.
for (const shown of document.querySelectorAll("[data-callback-template]")) {
  const sources = [shown.dataset.callbackFrom, shown.dataset.callbackName].map((id) => document.getElementById(id));
  const [linkName] = sources;
  const show = () => {
    shown.value = shown.dataset.callbackTemplate.replace("{service}", linkName.value || "{service}");
  };
  for (const source of sources) source.addEventListener("input", () => queueMicrotask(show));
  show();
}
