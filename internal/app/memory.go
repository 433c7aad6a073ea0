package app

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"doorward/internal/ceiling"
	"doorward/internal/config"
	"doorward/internal/gate"
)

const (
	collected = 0.9 // of the memory there is: what the collector works towards; the rest is for what it does not count

	// What is under way, of the memory that there is. A body takes three times its size while it is
	// judged: its bytes, what is read of them, and what goes on. The gateway itself takes 60 MiB.
	bytesPart    = 8
	leastBytes   = 16 << 20
	perMessage   = 128 << 10 // with its connections, buffers and goroutines
	leastAtOnce  = 256
	mostAtOnce   = 16_384
	unknownSpace = 1 << 30 // of memory, where nothing says how much there is

	overloadTold = time.Minute // between two records that messages were turned away
)

// LimitMemory has the collector work towards the memory that there is: that of GOMEMLIMIT, else nine
// tenths of what this process's cgroup or the machine has. It is the process's, so that the command
// line calls it, once.
func LimitMemory() error {
	_, err := memlimit.SetGoMemLimitWithOpts(memlimit.WithRatio(collected), memlimit.WithProvider(memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)))
	if err != nil {
		return fmt.Errorf("looking for the memory that there is: %w", err)
	}
	return nil
}

// space is how much memory the gateway may use, in bytes.
func space() int64 {
	if m := debug.SetMemoryLimit(-1); m < math.MaxInt64 {
		return m
	}
	if m, err := memlimit.FromSystem(); err == nil && m < math.MaxInt64 {
		return int64(m)
	}
	return unknownSpace
}

// most is how much may be under way, as configured or by the memory that there is.
func most(cfg *config.Config, space int64) ceiling.Most {
	m := ceiling.Most{Messages: int64(cfg.Limits.InFlight), Bytes: int64(cfg.Limits.Memory)}
	if m.Messages == 0 {
		m.Messages = min(max(space/perMessage, leastAtOnce), mostAtOnce)
	}
	if m.Bytes == 0 {
		m.Bytes = max(space/bytesPart, leastBytes, int64(cfg.LeastMemory()))
	}
	return m
}

// ceilingGauges tells telemetry what is under way.
func (a *App) ceilingGauges() {
	of := func(value func(*ceiling.Ceiling) int64) func() float64 {
		return func() float64 { return float64(value(a.ceiling)) }
	}
	a.metrics.Gauge("doorward_in_flight", "Messages of clients that are under way.", of(func(c *ceiling.Ceiling) int64 { return c.Held().Messages }))
	a.metrics.Gauge("doorward_in_flight_most", "As many as there may be.", of(func(c *ceiling.Ceiling) int64 { return c.Most().Messages }))
	a.metrics.Gauge("doorward_in_flight_bytes", "Bytes of bodies and answers that are held for them.", of(func(c *ceiling.Ceiling) int64 { return c.Held().Bytes }))
	a.metrics.Gauge("doorward_in_flight_bytes_most", "As many as there may be.", of(func(c *ceiling.Ceiling) int64 { return c.Most().Bytes }))
	a.metrics.Counter("doorward_overload_refusals_total", "Messages and answers that found no room beside what is under way.", of((*ceiling.Ceiling).Refused))
}

// tellOfOverload puts on record that messages were turned away for want of room: at once when it begins,
// and then once a minute with how many. A record of each would be the more work the more there are.
func (a *App) tellOfOverload() {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	var told int64
	var at time.Time
	for {
		over := false
		select {
		case <-look.C:
		case <-a.ctx.Done():
			over = true
		}
		n := a.ceiling.Refused()
		if n > told && (over || time.Since(at) >= overloadTold) {
			held, most := a.ceiling.Held(), a.ceiling.Most()
			err := a.trail.Event(context.WithoutCancel(a.ctx), gate.Event{
				Kind: "gateway.overload", Actor: "doorward", Status: "refused",
				Detail: fmt.Sprintf("%d messages or answers found no room; %d of %d messages and %d of %d bytes are under way now", n-told, held.Messages, most.Messages, held.Bytes, most.Bytes),
			})
			if err == nil { // else it is told when the log takes it
				told, at = n, time.Now()
			}
		}
		if over {
			return
		}
	}
}
