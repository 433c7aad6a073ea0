package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// Paces are the limits on what clients ask for. A rate is so many in any span of its
// length, written 100/1m, or off.
type Paces struct {
	// PerAddress is how many requests may come from one address, or one /64 of IPv6, whoever sends them. It acts before anything of a request is looked at; a sign-in that fails counts for 20.
	PerAddress Rate `yaml:"per_address"`
	// PerPrincipal is how many calls each caller may make, whatever they prove themselves with. A list, a ping or a notification counts for a tenth of a call.
	PerPrincipal Rate `yaml:"per_principal"`
	// PerKey is how many calls may be made with each API key. Off unless written.
	PerKey Rate `yaml:"per_key"`
	// PerTenant is how many calls all callers of a tenant may make together. Off unless written.
	PerTenant Rate `yaml:"per_tenant"`
	// PerTool is how many calls of certain tools each caller may make, by upstream/tool, in which * never crosses a slash: all tools of one entry count together.
	PerTool map[string]Rate `yaml:"per_tool" key:"upstream/tool"`
	// PerUpstream is how many calls all callers may make of an upstream together, by its name.
	PerUpstream map[string]Rate `yaml:"per_upstream" key:"name"`
	// PerProfile is how many calls all callers may make at a profile's URL together, by its name.
	PerProfile map[string]Rate `yaml:"per_profile" key:"name"`
	// Quota is what each caller may use up in a day or a month.
	Quota Quota `yaml:"quota"`
	// Cost is what a call of certain tools costs of quota.cost, by upstream/tool: a whole number. A call that no entry names costs 1, and of several the highest counts.
	Cost map[string]int `yaml:"cost" key:"upstream/tool"`
	// InFlight is how many messages all clients together may have under way, from 16; of one caller half of that. What is over it is refused at once. Unless written, one for each 128 KiB of memory that the gateway may use, 256 at least and 16384 at most.
	InFlight int `yaml:"in_flight"`
	// Memory is how many bytes of bodies and answers may be held for them, from four times listen.max_body, and from twice what listen.max_body and the largest limits.result of an upstream are together; of one caller half of that. Unless written, an eighth of the memory that the gateway may use, which GOMEMLIMIT, its cgroup or the machine says, and that least or 16MiB at least.
	Memory Size `yaml:"memory"`
	// OnFailure says what happens while state.redis does not answer: local keeps the limits in this gateway alone, each at its part in fallback; refuse refuses every call.
	OnFailure string `yaml:"on_failure" enum:"local refuse"`
	// Fallback is the part of each limit that this gateway gives out by itself meanwhile: 1 divided by the number of gateways keeps the whole within what is written.
	Fallback Part `yaml:"fallback"`
}

// Quota is what outlives sessions and restarts. Each is one amount in a span of at least an hour
// and at most 31 days, such as 10000/24h, or a list of several.
type Quota struct {
	// Calls that a caller may make.
	Calls []Amount `yaml:"calls" list:"or one"`
	// Bytes of calls and their answers.
	Bytes []DataAmount `yaml:"bytes" list:"or one"`
	// Cost of calls, in the units of limits.cost.
	Cost []Amount `yaml:"cost" list:"or one"`
}

// defaultPaces are on, and wide enough for a team behind one address whose agents work
// in parallel: 100 requests and 50 calls a second.
func defaultPaces() Paces {
	return Paces{
		PerAddress: Rate{N: 6000, Per: Duration(time.Minute)}, PerPrincipal: Rate{N: 3000, Per: Duration(time.Minute)},
		OnFailure: "local", Fallback: 500,
	}
}

// Bounds of a quota.
const (
	minQuota  = Duration(time.Hour)
	maxQuota  = Duration(31 * aDay)
	maxQuotas = 4         // of one kind
	maxPaces  = 64        // entries of a map
	maxCost   = 1_000_000 // of a call
)

// Bounds of what is under way. Bodies have three quarters of its bytes, and one caller half of it: with
// four of the largest there is room for one each of two callers.
const (
	minInFlight = 16
	maxInFlight = 1_000_000
	bodiesHeld  = 4
	maxHeld     = Size(1 << 40)
)

// Amount is so many within a span, written "10000/24h".
type Amount struct {
	N   int64
	Per Duration
}

var errAmount = errors.New(`must be so much within a span from 1h to 31d, such as "10000/24h" or "1GiB/30d"`)

// UnmarshalText reads a whole number above zero, a slash and a duration.
func (a *Amount) UnmarshalText(text []byte) error {
	many, per, err := splitAmount(string(text))
	n, bad := strconv.ParseInt(many, 10, 32)
	if err != nil || bad != nil || n < 1 {
		return errAmount
	}
	*a = Amount{N: n, Per: per}
	return nil
}

// String is the form that the file has.
func (a Amount) String() string { return strconv.FormatInt(a.N, 10) + "/" + brief(a.Per) }

// DataAmount is so many bytes within a span, written "1GiB/30d".
type DataAmount struct {
	Bytes Size
	Per   Duration
}

// UnmarshalText reads a size above zero, a slash and a duration.
func (a *DataAmount) UnmarshalText(text []byte) error {
	many, per, err := splitAmount(string(text))
	var n Size
	if err != nil || n.UnmarshalText([]byte(many)) != nil || n < 1 || n > maxData {
		return errAmount
	}
	*a = DataAmount{Bytes: n, Per: per}
	return nil
}

// maxData is half a pebibyte: more than a gateway moves in a month, and of no more than the
// 15 digits that a number in a header may have (RFC 9651, section 3.3.1).
const maxData = Size(1 << 49)

// String is the form that the file has.
func (a DataAmount) String() string { return a.Bytes.String() + "/" + brief(a.Per) }

func splitAmount(text string) (many string, per Duration, err error) {
	many, after, ok := strings.Cut(text, "/")
	if !ok || per.UnmarshalText([]byte(after)) != nil || per < minQuota || per > maxQuota {
		return "", 0, errAmount
	}
	return many, per, nil
}

// Part is a part of a whole, in thousandths.
type Part int64

// UnmarshalText reads a number above 0 and up to 1, such as 0.5.
func (p *Part) UnmarshalText(text []byte) error {
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(n >= 0.001 && n <= 1) {
		return errors.New("must be a part above 0 and at most 1, such as 0.5")
	}
	*p = Part(n*1000 + 0.5)
	return nil
}

// String is the form that the file has.
func (p Part) String() string { return strconv.FormatFloat(float64(p)/1000, 'f', -1, 64) }

// LeastMemory is the least that Paces.Memory may be: four of the largest bodies, and in the half that one
// caller has the largest body with the largest answer.
func (c *Config) LeastMemory() Size {
	largest := Size(0)
	for name := range c.Upstreams {
		largest = max(largest, c.Upstreams[name].Limits.Result)
	}
	return max(bodiesHeld*c.Listen.MaxBody, 2*(c.Listen.MaxBody+largest))
}

func (v *checker) paces() {
	l := &v.c.Limits
	if l.InFlight != 0 && (l.InFlight < minInFlight || l.InFlight > maxInFlight) {
		v.fault("limits.in_flight", "must be between %d and %d", minInFlight, maxInFlight)
	}
	if least := v.c.LeastMemory(); l.Memory != 0 && (l.Memory < least || l.Memory > maxHeld) {
		v.fault("limits.memory", "must be between %v, for the largest messages (listen.max_body) and answers (an upstream's limits.result), and %v", least, maxHeld)
	}
	for _, tool := range slices.Sorted(maps.Keys(l.PerTool)) {
		v.toolPattern(join("limits.per_tool", tool), tool)
	}
	for _, tool := range slices.Sorted(maps.Keys(l.Cost)) {
		v.toolPattern(join("limits.cost", tool), tool)
		if n := l.Cost[tool]; n < 1 || n > maxCost {
			v.fault(join("limits.cost", tool), "must be between 1 and %d", maxCost)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.PerUpstream)) {
		if _, ok := v.c.Upstreams[name]; !ok {
			v.fault(join("limits.per_upstream", name), "there is no upstream %q%s", shorten(name), among(v.c.Upstreams))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.PerProfile)) {
		if _, ok := v.c.Profiles[name]; !ok {
			v.fault(join("limits.per_profile", name), "there is no profile %q%s", shorten(name), among(v.c.Profiles))
		}
	}
	for key, n := range map[string]int{"per_tool": len(l.PerTool), "per_upstream": len(l.PerUpstream), "per_profile": len(l.PerProfile), "cost": len(l.Cost)} {
		if n > maxPaces {
			v.fault("limits."+key, "has more than %d entries", maxPaces)
		}
	}
	v.quotas("calls", spans(l.Quota.Calls, func(a Amount) Duration { return a.Per }))
	v.quotas("bytes", spans(l.Quota.Bytes, func(a DataAmount) Duration { return a.Per }))
	v.quotas("cost", spans(l.Quota.Cost, func(a Amount) Duration { return a.Per }))
	v.affordable()
}

// toolPattern checks what names tools: a glob whose upstream, where it is written in
// full, there is.
func (v *checker) toolPattern(path, pattern string) {
	upstream, tool, ok := strings.Cut(pattern, "/")
	switch {
	case !ok || upstream == "" || tool == "" || len(pattern) > maxSubject || !doublestar.ValidatePattern(pattern):
		v.fault(path, "must name tools as upstream/tool, such as github/create_*")
	case strings.Count(pattern, "{") > maxAlternatives:
		v.fault(path, "has more than %d braces", maxAlternatives)
	case strings.ContainsAny(upstream, `*?[]{}\`):
	default:
		if _, there := v.c.Upstreams[upstream]; !there {
			v.fault(path, "there is no upstream %q%s", shorten(upstream), among(v.c.Upstreams))
		}
	}
}

// maxAlternatives bounds the braces of a pattern: the matcher tries each combination.
const maxAlternatives = 4

func spans[A any](all []A, span func(A) Duration) (out []Duration) {
	for _, a := range all {
		out = append(out, span(a))
	}
	return out
}

// quotas checks that the span tells quotas of one kind apart.
func (v *checker) quotas(kind string, all []Duration) {
	if len(all) > maxQuotas {
		v.fault("limits.quota."+kind, "has more than %d entries", maxQuotas)
	}
	for i, per := range all {
		if slices.Contains(all[:i], per) {
			v.fault(fmt.Sprintf("limits.quota.%s[%d]", kind, i), "has the span of another")
		}
	}
}

// affordable finds calls that cost more than there ever is.
func (v *checker) affordable() {
	for i, quota := range v.c.Limits.Quota.Cost {
		if quota.N == 0 { // it could not be read, and is a fault already
			continue
		}
		for _, tool := range slices.Sorted(maps.Keys(v.c.Limits.Cost)) {
			if int64(v.c.Limits.Cost[tool]) > quota.N {
				v.fault(join("limits.cost", tool), "is more than limits.quota.cost[%d] ever leaves: no call would pass", i)
			}
		}
	}
}
