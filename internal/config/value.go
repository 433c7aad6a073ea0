package config

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time, written "30s", "5m" or "90d".
type Duration time.Duration

// aDay is what a Duration's d means: 24 hours, whatever the clocks do.
const aDay = 24 * time.Hour

// UnmarshalText reads what time.ParseDuration reads, not below zero, and a
// whole number of days.
func (d *Duration) UnmarshalText(text []byte) error {
	if digits, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil || n > uint64(math.MaxInt64/aDay) {
			return errors.New(`must be a whole number of days, such as "90d"`)
		}
		*d = Duration(time.Duration(n) * aDay)
		return nil
	}
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return errors.New(`must be a duration such as "30s", "5m" or "90d"`)
	}
	*d = Duration(v)
	return nil
}

// String is the form that the file has.
func (d Duration) String() string {
	if days := time.Duration(d) / aDay; days > 0 && time.Duration(d)%aDay == 0 {
		return strconv.FormatInt(int64(days), 10) + "d"
	}
	return time.Duration(d).String()
}

// Size is a number of bytes, written "4MiB", "512KiB" or plainly in bytes.
type Size int64

// units of a Size, largest first. Only powers of 1024 exist, so that no file
// means one thing here and another elsewhere.
func units() []unit {
	return []unit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}
}

type unit struct {
	name  string
	bytes int64
}

// UnmarshalText reads a whole number and its unit.
func (s *Size) UnmarshalText(text []byte) error {
	for _, u := range units() {
		digits, ok := strings.CutSuffix(string(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || digits[0] == '-' || digits[0] == '+' || n > math.MaxInt64/u.bytes {
			break
		}
		*s = Size(n * u.bytes)
		return nil
	}
	return errors.New(`must be a size such as "4MiB", "512KiB" or a number of bytes`)
}

// String is the form that the file has, in the largest unit that is exact.
func (s Size) String() string {
	for _, u := range units() {
		if int64(s) >= u.bytes && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return "0B"
}

// Address is an IP address and a port; the zero value is none.
type Address struct{ netip.AddrPort }

// UnmarshalText reads "127.0.0.1:8080" and "[::1]:8080". Names are refused:
// whether an address is loopback must not depend on a resolver.
func (a *Address) UnmarshalText(text []byte) error {
	v, err := netip.ParseAddrPort(string(text))
	if err != nil || v.Addr().Zone() != "" {
		return errors.New(`must be an IP address and a port, such as "127.0.0.1:8080" or "[::1]:8080"`)
	}
	a.AddrPort = netip.AddrPortFrom(v.Addr().Unmap(), v.Port())
	return nil
}

// String is empty for the zero value.
func (a Address) String() string {
	if !a.IsValid() {
		return ""
	}
	return a.AddrPort.String()
}

// Prefix is a network.
type Prefix struct{ netip.Prefix }

// UnmarshalText reads "10.0.0.0/8" and, for a single address, "10.0.0.1".
func (p *Prefix) UnmarshalText(text []byte) error {
	if addr, err := netip.ParseAddr(string(text)); err == nil && addr.Zone() == "" {
		p.Prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return nil
	}
	v, err := netip.ParsePrefix(string(text))
	switch {
	case err != nil:
		return errors.New(`must be a network such as "10.0.0.0/8" or an address`)
	case v.Addr().Is4In6():
		return errors.New("must be written as an IPv4 network")
	case v.Masked() != v:
		return fmt.Errorf("has bits outside its mask: write %s", v.Masked())
	}
	p.Prefix = v
	return nil
}

// Processors is a share of the machine's processors, in thousandths of one.
type Processors int64

// UnmarshalText reads a number of processors, such as 0.5; 0 is not written.
func (p *Processors) UnmarshalText(text []byte) error {
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil || n != 0 && !(n >= 0.01 && n <= maxProcessors) { // what is no number is no more, either
		return errors.New("must be a number of processors, such as 0.5")
	}
	*p = Processors(math.Round(n * 1000))
	return nil
}

// maxProcessors is more than a machine has.
const maxProcessors = 4096

// String is the form that the file has.
func (p Processors) String() string { return strconv.FormatFloat(float64(p)/1000, 'f', -1, 64) }

// Scalar is a text, a number, true or false, as the file writes it.
type Scalar string

// UnmarshalText takes any single value.
func (s *Scalar) UnmarshalText(text []byte) error {
	if strings.ContainsFunc(string(text), isControl) {
		return errors.New("holds a control character")
	}
	*s = Scalar(text)
	return nil
}

// String is the form that the file has.
func (s Scalar) String() string { return string(s) }
