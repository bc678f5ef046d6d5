// Owns the small window that stays on top of other programs.

/** Shows the largest picture of somebody else there; nothing happens while there is none. */
export async function openPictureInPicture(): Promise<void> {
  const pictures = [...document.querySelectorAll<HTMLVideoElement>(".tile video:not([data-covered='true'])")].filter(
    (video) => !video.disablePictureInPicture && video.videoWidth > 0,
  );
  const largest = pictures.sort((a, b) => b.clientWidth * b.clientHeight - a.clientWidth * a.clientHeight)[0];
  try {
    await largest?.requestPictureInPicture();
  } catch {
    // The browser may refuse, e.g. while the page is not in sight. The call goes on as it is.
  }
}
