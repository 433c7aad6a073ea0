package secrets

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
)

// decoder gives the texts that a run of characters may stand for.
type decoder struct {
	name   string
	decode func(run string) []string
}

//nolint:gochecknoglobals // a table; read-only
var decoders = []decoder{
	{"hex", fromHex},
	{"base64", fromBase64},
	{"base32", fromBase32},
	{rotatedBase64, fromRotated},
}

// probe is the length of the part of a run that is decoded to see whether the
// rest is worth it, in characters.
const probe = 32

// fromHex decodes a run, or the longest part of it, that is hexadecimal.
func fromHex(run string) []string {
	run = strings.TrimPrefix(strings.TrimPrefix(run, "0x"), "0X")
	from := strings.LastIndexAny(run, "=.~+/_-") + 1
	part := unbroken(run[from:])
	if len(part) < minRun || len(part)%2 != 0 || !hexadecimal(part[:minRun]) {
		return nil
	}
	raw, err := hex.DecodeString(part)
	if err != nil {
		return nil
	}
	return texts(raw)
}

func hexadecimal(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; !digit(s[i]) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// fromBase64 decodes a run in the standard alphabet or that for URLs (RFC 4648),
// whatever characters before it moved its groups of four.
func fromBase64(run string) []string {
	run = unbroken(run)
	if i := strings.LastIndexAny(strings.TrimRight(run, "="), "=.~"); i >= 0 {
		run = run[i+1:]
	}
	run = strings.TrimRight(run, "=.")
	if len(run) < minRun {
		return nil
	}
	if strings.ContainsAny(run, "-_") {
		run = strings.NewReplacer("-", "+", "_", "/").Replace(run)
	}
	for shift := range 4 {
		part := run[shift:]
		if shift == 0 && packed(part) || promising(part) {
			raw, err := base64.RawStdEncoding.DecodeString(part[:len(part)-oddEnd(part)])
			if err != nil {
				continue
			}
			if all := texts(raw); all != nil {
				return all
			}
		}
	}
	return nil
}

// rotatedBase64 is the name of what fromRotated decodes.
const rotatedBase64 = rotation + ", base64"

// fromRotated decodes a run in base64 whose letters are moved by 13 places.
func fromRotated(run string) []string {
	if hexadecimal(run[:minRun]) { // sums and commits
		return nil
	}
	return fromBase64(rotate(run))
}

// oddEnd is the length of an end that no group of base64 has.
func oddEnd(part string) int {
	if len(part)%4 == 1 {
		return 1
	}
	return 0
}

// packed tells whether base64 begins as compressed data does.
func packed(part string) bool {
	return strings.HasPrefix(part, "H4sI") || strings.HasPrefix(part, "eJ") || strings.HasPrefix(part, "eN") || strings.HasPrefix(part, "eA") || strings.HasPrefix(part, "eF")
}

//nolint:gochecknoglobals // a table; read-only
var alphabet64 = positions("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

// promising tells whether some part of the run decodes to what can be read.
func promising(part string) bool {
	for _, from := range [...]int{0, len(part) / 2, len(part) - probe} {
		from = max(0, from) &^ 3
		end := min(len(part), from+probe) &^ 3
		if from >= end {
			continue
		}
		if legibleBits(part[from:end], &alphabet64, 6) {
			return true
		}
	}
	return false
}

// unbroken is a run without the breaks of its lines.
func unbroken(run string) string {
	if !strings.ContainsAny(run, "\r\n") {
		return run
	}
	return strings.ReplaceAll(strings.ReplaceAll(run, "\r", ""), "\n", "")
}

// texts are what decoded bytes hold: themselves where they can be read, and what
// they unpack to.
func texts(raw []byte) []string {
	if unpacked := unpack(raw); unpacked != nil {
		return []string{string(unpacked)}
	}
	if len(raw) < minText {
		return nil
	}
	if !readable(raw) {
		if raw = narrow(raw); len(raw) < minText {
			return nil
		}
	}
	return []string{string(raw)}
}

// narrow is what UTF-16 or UTF-32 says in ASCII, of either order, with a mark or
// without: its bytes that are not zero. Nil for what is neither.
func narrow(raw []byte) []byte {
	zeros := bytes.Count(raw, []byte{0})
	if zeros*5 < len(raw)*2 || zeros == len(raw) {
		return nil
	}
	out := make([]byte, 0, len(raw)-zeros)
	for _, c := range raw {
		if c != 0 && c < 0xfe { // a mark has the bytes FE and FF
			out = append(out, c)
		}
	}
	if !readable(out) {
		return nil
	}
	return out
}

// readable tells whether nine of ten bytes are those of text.
func readable(raw []byte) bool {
	good := 0
	for _, c := range raw {
		if legible[c] {
			good++
		}
	}
	return good*10 >= len(raw)*9
}

// maxUnpacked bounds what compressed data may become, in bytes.
const maxUnpacked = 64 << 10

// unpack is what gzip (RFC 1952) or zlib (RFC 1950) data becomes, to its bound.
func unpack(raw []byte) []byte {
	if len(raw) < 8 {
		return nil
	}
	var r io.Reader
	var err error
	switch {
	case raw[0] == 0x1f && raw[1] == 0x8b:
		r, err = gzip.NewReader(bytes.NewReader(raw))
	case raw[0] == 0x78 && (int(raw[0])<<8|int(raw[1]))%31 == 0:
		r, err = zlib.NewReader(bytes.NewReader(raw))
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	out, err := io.ReadAll(io.LimitReader(r, maxUnpacked))
	if err != nil && len(out) == 0 {
		return nil
	}
	return out
}
