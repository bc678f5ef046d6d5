// Owns what looks at the page from inside: a script that comes before the page's own and remembers its peer connections, and functions
// that read pictures, sounds and statistics where they arrive.

/** Runs in the page before anything else. */
export function probe() {
  const peerConnections = [];
  const violations = [];
  const captured = [];
  /** What was done to any peer connection, in order. */
  const acts = [];

  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(configuration, ...rest) {
      super(configuration, ...rest);
      peerConnections.push(this);
      acts.push({ act: "new", index: peerConnections.length - 1, username: turnUsername(configuration) });
    }

    setConfiguration(configuration) {
      acts.push({ act: "setConfiguration", index: peerConnections.indexOf(this), username: turnUsername(configuration) });
      super.setConfiguration(configuration);
    }

    restartIce() {
      acts.push({ act: "restartIce", index: peerConnections.indexOf(this) });
      super.restartIce();
    }

    createOffer(options) {
      if (options?.iceRestart === true) {
        acts.push({ act: "restartIce", index: peerConnections.indexOf(this) });
      }
      return super.createOffer(options);
    }
  };

  function turnUsername(configuration) {
    return configuration?.iceServers?.find((server) => server.username)?.username ?? null;
  }

  for (const method of ["getUserMedia", "getDisplayMedia"]) {
    const native = navigator.mediaDevices?.[method];
    if (native !== undefined) {
      navigator.mediaDevices[method] = async function (...args) {
        const stream = await native.apply(this, args);
        captured.push(...stream.getTracks());
        return stream;
      };
    }
  }

  document.addEventListener("securitypolicyviolation", (event) => {
    violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
  });

  window.__probe = { peerConnections, violations, captured, acts };
}

/** Microphones and cameras that are open in this page, by label. */
export function openDevices(page) {
  return page.evaluate(() =>
    window.__probe.captured
      .filter((track) => track.readyState === "live")
      .map((track) => ({ kind: track.kind, label: track.label, deviceId: track.getSettings().deviceId, enabled: track.enabled })),
  );
}

/** What was done to the peer connections of this page, in order: `new`, `setConfiguration`, `restartIce`. */
export function acts(page) {
  return page.evaluate(() => window.__probe.acts);
}

/**
 * One entry for each peer connection of this page that is not closed: its state, its selected candidate pair, and its inbound media.
 */
export function links(page) {
  return page.evaluate(async () => {
    const all = [];
    for (const [index, connection] of window.__probe.peerConnections.entries()) {
      if (connection.connectionState === "closed") {
        continue;
      }
      const stats = [...(await connection.getStats()).values()];
      const transport = stats.find(({ type }) => type === "transport");
      const pair = stats.find(({ id }) => id === transport?.selectedCandidatePairId);
      const candidate = (id) => stats.find((entry) => entry.id === id);
      const inbound = (kind) =>
        stats
          .filter((entry) => entry.type === "inbound-rtp" && entry.kind === kind)
          .map((entry) => ({
            track: entry.trackIdentifier,
            framesDecoded: entry.framesDecoded,
            framesPerSecond: entry.framesPerSecond,
            freezeCount: entry.freezeCount,
            frameWidth: entry.frameWidth,
            packetsReceived: entry.packetsReceived,
          }));
      all.push({
        index,
        state: connection.connectionState,
        local: candidate(pair?.localCandidateId)?.candidateType ?? null,
        localPort: candidate(pair?.localCandidateId)?.port ?? null,
        remote: candidate(pair?.remoteCandidateId)?.candidateType ?? null,
        generation: connection.localDescription?.sdp.match(/a=ice-ufrag:(\S+)/)?.[1] ?? null,
        turnUsername: connection.getConfiguration().iceServers?.find((server) => server.username)?.username ?? null,
        video: inbound("video"),
        audio: inbound("audio"),
      });
    }
    return all;
  });
}

/** Everything about the peer connections of this page, for people who look for a failure. */
export function describeConnections(page) {
  return page.evaluate(() =>
    window.__probe.peerConnections.map((connection) => ({
      connection: connection.connectionState,
      ice: connection.iceConnectionState,
      gathering: connection.iceGatheringState,
      signaling: connection.signalingState,
      local: connection.localDescription,
      remote: connection.remoteDescription,
      transceivers: connection.getTransceivers().map(({ mid, direction, currentDirection }) => ({ mid, direction, currentDirection })),
    })),
  );
}

/** The state of the <video> of a tile, and how many of its frames have been decoded; null while there is none. */
export function picture(tile) {
  return tile.locator("video").evaluate(async (video) => {
    const track = video.srcObject?.getVideoTracks()[0];
    let decoded = null;
    for (const connection of window.__probe.peerConnections) {
      if (track !== undefined && connection.connectionState !== "closed") {
        const stats = [...(await connection.getStats()).values()];
        decoded ??= stats.find((entry) => entry.type === "inbound-rtp" && entry.trackIdentifier === track.id)?.framesDecoded ?? null;
      }
    }
    const box = video.getBoundingClientRect();
    return {
      framesDecoded: decoded,
      width: video.videoWidth,
      height: video.videoHeight,
      paused: video.paused,
      muted: video.muted,
      timeS: video.currentTime,
      shown: video.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && box.width > 0 && box.height > 0,
    };
  });
}

/** The colour at the upper left of a tile's video, as it arrives: mean red, green, blue; null before the first frame. */
export function colour(tile) {
  return tile.locator("video").evaluate((video) => {
    if (video.videoWidth === 0) {
      return null;
    }
    const canvas = document.createElement("canvas");
    canvas.width = 64;
    canvas.height = 36;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0, 64, 36);
    const { data } = context.getImageData(3, 3, 6, 6);
    const mean = [0, 0, 0];
    for (let i = 0; i < data.length; i += 4) {
      for (let channel = 0; channel < 3; channel += 1) {
        mean[channel] += data[i + channel] / (data.length / 4);
      }
    }
    return mean.map(Math.round);
  });
}

/** Whether what arrives in a tile has the background of this face. */
export async function looksLike(tile, face) {
  const seen = await colour(tile);
  return seen !== null && Math.hypot(...seen.map((value, channel) => value - face.background[channel])) < 40;
}

/**
 * How loud each tone is in what a tile plays, and how loud the loudest of everything: the peaks in dB over `forMs`; and whether the
 * element may be heard at all. A click, as when a stream begins, has a little of every tone; only a voice is the loudest.
 * @param {number[]} tonesHz
 */
export function tones(tile, tonesHz, forMs = 1000) {
  return tile.locator("video").evaluate(
    async (video, { tonesHz, forMs }) => {
      const track = video.srcObject?.getAudioTracks()[0];
      const audible = !video.muted && !video.paused && video.volume > 0;
      if (track === undefined) {
        return { audible, peaksDb: null, loudestDb: null };
      }
      const context = new AudioContext();
      await context.resume();
      const analyser = context.createAnalyser();
      analyser.fftSize = 4096;
      analyser.smoothingTimeConstant = 0;
      context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      const spectrum = new Float32Array(analyser.frequencyBinCount);
      const peaks = new Float32Array(spectrum.length).fill(-200);
      const endMs = performance.now() + forMs;
      while (performance.now() < endMs) {
        await new Promise((resolve) => setTimeout(resolve, 40));
        analyser.getFloatFrequencyData(spectrum);
        for (const [bin, value] of spectrum.entries()) {
          peaks[bin] = Math.max(peaks[bin], value);
        }
      }
      await context.close();
      const around = (toneHz) => {
        const bin = Math.round((toneHz / context.sampleRate) * analyser.fftSize);
        return Math.round(Math.max(...peaks.subarray(bin - 1, bin + 2)));
      };
      return { audible, peaksDb: tonesHz.map(around), loudestDb: Math.round(Math.max(...peaks)) };
    },
    { tonesHz, forMs },
  );
}

/**
 * The same as {@link tones} where there is no sound device to run an AudioContext on: records what arrives, decodes it, and looks for each tone.
 * @param {number[]} tonesHz
 */
export function recordedTones(tile, tonesHz, forMs = 1000) {
  return tile.locator("video").evaluate(
    async (video, { tonesHz, forMs }) => {
      const track = video.srcObject?.getAudioTracks()[0];
      const audible = !video.muted && !video.paused && video.volume > 0;
      if (track === undefined) {
        return { audible, peaksDb: null, loudestDb: null };
      }
      const recorder = new MediaRecorder(new MediaStream([track]));
      const parts = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      const stopped = new Promise((resolve) => {
        recorder.onstop = resolve;
      });
      recorder.start();
      await new Promise((resolve) => setTimeout(resolve, forMs));
      recorder.stop();
      await stopped;
      const RATE_HZ = 48_000;
      const file = await new Blob(parts).arrayBuffer();
      const sound = await new OfflineAudioContext(1, 1, RATE_HZ).decodeAudioData(file);
      const samples = sound.getChannelData(0);
      // Goertzel over windows of 4096 samples: how loud one frequency is.
      // And over everything that a voice may be, in steps that no tone falls between.
      const heardHz = [...tonesHz, ...Array.from({ length: 200 }, (_, step) => 100 + 20 * step)];
      const peaks = heardHz.map(() => -200);
      for (let start = 0; start + 4096 <= samples.length; start += 4096) {
        for (const [index, toneHz] of heardHz.entries()) {
          const coefficient = 2 * Math.cos((2 * Math.PI * toneHz) / RATE_HZ);
          let [last, before] = [0, 0];
          for (let i = 0; i < 4096; i += 1) {
            const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / 4095);
            [last, before] = [samples[start + i] * hann + coefficient * last - before, last];
          }
          const power = last * last + before * before - coefficient * last * before;
          peaks[index] = Math.max(peaks[index], 10 * Math.log10(power / 2048 ** 2 + 1e-20));
        }
      }
      return { audible, peaksDb: peaks.slice(0, tonesHz.length).map(Math.round), loudestDb: Math.round(Math.max(...peaks)) };
    },
    { tonesHz, forMs },
  );
}
