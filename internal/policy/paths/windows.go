package paths

import "strings"

const (
	whyDevice = "has the name of a Windows device"
	whyStream = "has a colon after the drive"
	whyShort  = "has a short (8.3) name: write the long one"
)

// windowsName judges one component of a path that Windows will read, beyond
// what component refuses everywhere. Rules: "Naming Files, Paths, and
// Namespaces" of the Windows documentation.
func windowsName(s string) string {
	for i := range len(s) {
		switch {
		case s[i] == ':':
			return whyStream
		case s[i] == '~' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			return whyShort
		case s[i] == '%' && strings.IndexByte(s[i+1:], '%') >= 0:
			return whyVariable // almost anything may stand between
		}
	}
	stem := s
	if i := strings.IndexAny(s, ".#"); i >= 0 { // "#": to a reader of URIs the name ends there
		stem = s[:i]
	}
	if isDevice(strings.TrimRight(stem, " ")) {
		return whyDevice
	}
	return ""
}

// isDevice tells whether the name before the first dot is that of a device.
// Superscript one, two and three count as digits.
func isDevice(stem string) bool {
	if len(stem) < 3 || len(stem) > 7 {
		return false
	}
	for _, name := range [...]string{"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"} {
		if strings.EqualFold(stem, name) {
			return true
		}
	}
	if kind := stem[:3]; !strings.EqualFold(kind, "com") && !strings.EqualFold(kind, "lpt") {
		return false
	}
	switch number := stem[3:]; number {
	case "¹", "²", "³":
		return true
	default:
		return len(number) == 1 && number[0] >= '0' && number[0] <= '9'
	}
}
