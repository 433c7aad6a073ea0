package listen

import (
	"net/http"
	"strings"
)

// The content codings that an answer can have (RFC 9110, section 8.4.1; RFC 8878 for zstd).
const (
	codingNone = ""
	codingGzip = "gzip"
	codingZstd = "zstd"
)

// maxCodings bounds an Accept-Encoding that is read, in bytes of all its lines.
// What browsers, Python and Node send has fewer than 40.
const maxCodings = 256

// unsaid is the weight of a coding that the header does not name.
const unsaid = -1

// weights are a client's, in thousandths; 0 refuses.
type weights struct{ gzip, zstd, none, rest int }

// wantedCoding is the content coding that the client likes best of those that
// there are (RFC 9110, section 12.5.3). Without the header, with one that is not
// well-formed, too long, or likes the plain answer better, there is none. Of two
// that are liked as much it is zstd, which is smaller and costs no more time.
func wantedCoding(h http.Header) string {
	w := codingWeights(h["Accept-Encoding"])
	best, weight := codingZstd, w.zstd
	if w.gzip > w.zstd {
		best, weight = codingGzip, w.gzip
	}
	if weight <= 0 || weight < w.none {
		return codingNone
	}
	return best
}

// codingWeights reads the header's lines. All are unsaid if any is not well-formed.
func codingWeights(lines []string) weights {
	nothing := weights{unsaid, unsaid, unsaid, unsaid}
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	if size > maxCodings {
		return nothing
	}
	w := nothing
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			part = strings.Trim(part, " \t")
			if part == "" { // a list may have empty elements (RFC 9110, section 5.6.1.2)
				continue
			}
			name, weight, ok := codingRange(part)
			if !ok {
				return nothing
			}
			w.note(name, weight)
		}
	}
	for _, of := range []*int{&w.gzip, &w.zstd, &w.none} {
		if *of == unsaid {
			*of = w.rest
		}
	}
	return w
}

// note takes what is said of one coding. Of one that is named twice the smaller weight counts.
func (w *weights) note(name string, weight int) {
	var of *int
	switch name {
	case codingGzip, "x-gzip": // RFC 9110, section 8.4.1.3
		of = &w.gzip
	case codingZstd:
		of = &w.zstd
	case "identity":
		of = &w.none
	case "*":
		of = &w.rest
	default:
		return
	}
	if *of == unsaid || weight < *of {
		*of = weight
	}
}

// codingRange reads one element, such as "gzip;q=0.5".
func codingRange(part string) (name string, weight int, ok bool) {
	name, param, weighted := strings.Cut(part, ";")
	name = strings.ToLower(strings.TrimRight(name, " \t"))
	if !codingName(name) {
		return "", 0, false
	}
	if !weighted {
		return name, 1000, true
	}
	param = strings.TrimLeft(param, " \t")
	if len(param) < 2 || param[0]|0x20 != 'q' || param[1] != '=' {
		return "", 0, false
	}
	weight, ok = thousandths(param[2:])
	return name, weight, ok
}

// codingName tells whether s can name one: a token (RFC 9110, section 5.6.2).
func codingName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// thousandths reads a qvalue (RFC 9110, section 12.4.2).
func thousandths(s string) (weight int, ok bool) {
	if s == "" || len(s) > len("0.000") || s[0] != '0' && s[0] != '1' {
		return 0, false
	}
	weight = 1000 * int(s[0]-'0')
	if len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	unit := 100
	for i := 2; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		weight += unit * int(s[i]-'0')
		unit /= 10
	}
	return weight, weight <= 1000
}
