package config

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// off is how a limit is written that there is none of.
const off = "off"

// Rate is so many within a time, written "5/1m". The zero value was not written.
type Rate struct {
	N   int64
	Per Duration
	Off bool
}

// UnmarshalText reads a whole number above zero, a slash and a duration; or off.
func (r *Rate) UnmarshalText(text []byte) error {
	many, per, none, err := split(string(text))
	if err != nil || none {
		*r = Rate{Off: none}
		return err
	}
	n, err := strconv.ParseInt(many, 10, 32)
	if err != nil || n < 1 {
		return errRate
	}
	*r = Rate{N: n, Per: per}
	return nil
}

// String is the form that the file has.
func (r Rate) String() string {
	if r.Off {
		return off
	}
	return strconv.FormatInt(r.N, 10) + "/" + brief(r.Per)
}

// Volume is so many bytes within a time, written "100MiB/10m". The zero value was not
// written.
type Volume struct {
	Bytes Size
	Per   Duration
	Off   bool
}

// UnmarshalText reads a size above zero, a slash and a duration; or off.
func (v *Volume) UnmarshalText(text []byte) error {
	many, per, none, err := split(string(text))
	if err != nil || none {
		*v = Volume{Off: none}
		return err
	}
	var n Size
	if n.UnmarshalText([]byte(many)) != nil || n < 1 {
		return errRate
	}
	*v = Volume{Bytes: n, Per: per}
	return nil
}

// String is the form that the file has.
func (v Volume) String() string {
	if v.Off {
		return off
	}
	return v.Bytes.String() + "/" + brief(v.Per)
}

// Bounds of the time of a rate: shorter is noise, longer is forgotten by a restart.
const (
	minPer = Duration(time.Second)
	maxPer = Duration(aDay)
)

var errRate = errors.New(`must be so many within a time from 1s to 1d, such as "5/1m" or "100MiB/10m", or off`)

func split(text string) (many string, per Duration, none bool, err error) {
	if text == off {
		return "", 0, true, nil
	}
	many, after, ok := strings.Cut(text, "/")
	if !ok || per.UnmarshalText([]byte(after)) != nil || per < minPer || per > maxPer {
		return "", 0, false, errRate
	}
	return many, per, false, nil
}

// brief is a duration without the zeros at its end: 1m, and not 1m0s.
func brief(d Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
