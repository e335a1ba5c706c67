/** What went wrong, in words, if anything did. */
export function Failed({ words }: { readonly words: string }) {
  return words ? (
    <p class="error" role="alert">
      {words}
    </p>
  ) : null;
}
