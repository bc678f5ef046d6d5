// Owns the accessible names that stay English in every language: screen reader scripts and tests find the controls by them.

export const LABELS = {
  yourName: "Your name",
  startOrJoin: "Start or join",
  join: "Join",
  mute: "Mute microphone",
  unmute: "Unmute microphone",
  cameraOff: "Turn camera off",
  cameraOn: "Turn camera on",
  share: "Share screen",
  stopSharing: "Stop sharing",
  raiseHand: "Raise hand",
  lowerHand: "Lower hand",
  chat: "Chat",
  people: "People",
  invite: "Invite",
  leave: "Leave",
  message: "Message",
  send: "Send",
} as const;

/** The name of the tile that shows a shared screen. */
export function screenLabel(name: string): string {
  return `${name}'s screen`;
}
