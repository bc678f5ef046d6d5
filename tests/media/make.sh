#!/bin/sh
# Makes the media that the headless peer publishes when it is given no file. Needs ffmpeg with libvpx and libopus
# (Debian: apt-get install ffmpeg). The results are committed, so that a build needs none of this.
#
#   pattern.ivf     VP8, 320x180, 20 frames per second, 4 s, a keyframe at the start of each second. The upper and
#                   the lower third are of one colour, which changes each second: red, green, blue, yellow; a test looks
#                   there. The third between moves, and is rich enough that a frame takes several packets.
#   tone-HZ.ogg     Opus, mono, 48 kHz, 20 ms packets, 1 s of a sine that fits the second, so that it loops without a step.
#                   Cut out of the middle of a longer one, past the encoder's start.
set -eu
cd "$(dirname "$0")"
out=../../src/peer/source/media
mkdir -p "$out"

colour() { echo "color=c=$1:s=320x180:r=20:d=1"; }
ffmpeg -v error -y \
    -f lavfi -i "$(colour 0xff0000)" -f lavfi -i "$(colour 0x00ff00)" \
    -f lavfi -i "$(colour 0x0000ff)" -f lavfi -i "$(colour 0xffff00)" \
    -f lavfi -i "testsrc2=s=320x60:r=20:d=4" \
    -filter_complex "[0][1][2][3]concat=n=4[back];[back][4]overlay=y=60:shortest=1,format=yuv420p" \
    -c:v libvpx -b:v 150k -g 20 -keyint_min 20 -auto-alt-ref 0 -lag-in-frames 0 -deadline good -cpu-used 0 -threads 1 \
    -fflags +bitexact -flags:v +bitexact "$out/pattern.ivf"

for hz in 440 550 660 880; do
    ffmpeg -v error -y -f lavfi -i "sine=frequency=$hz:sample_rate=48000:duration=3" \
        -ac 1 -c:a libopus -b:a 32k -vbr off -frame_duration 20 -application audio -fflags +bitexact "/tmp/tone-$$.ogg"
    ffmpeg -v error -y -ss 1 -i "/tmp/tone-$$.ogg" -frames:a 50 -c copy -fflags +bitexact "$out/tone-$hz.ogg"
    rm "/tmp/tone-$$.ogg"
done
