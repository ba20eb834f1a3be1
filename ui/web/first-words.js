// What a person reads before the page's own script is there, in the browser's language. A classic script, so that it runs at once.
{
  const german = navigator.language.toLowerCase().startsWith("de");
  const linked = location.hash.length > 1;
  document.documentElement.lang = german ? "de" : "en";
  document.getElementById("first-words").textContent = linked
    ? german
      ? "Der Link wird geprüft …"
      : "Checking this link …"
    : german
      ? "Wird geöffnet …"
      : "Opening …";
}
