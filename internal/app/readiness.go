package app

import (
	"context"
	"strings"
	"sync/atomic"
	"time"
)

// Why a gateway does not serve, whatever else is amiss.
const (
	isStarting = "starting: the upstreams have not been looked at yet"
	isStopping = "stopping: calls under way are being finished"
)

// Ready implements admin.Health: why the gateway cannot serve. Each reason is what is
// not ready, a colon, and why; whoever is no operator is told the first half alone
// (admin.Unready).
func (a *App) Ready(ctx context.Context) []string {
	var reasons []string
	switch {
	case a.stopping.Load():
		reasons = append(reasons, isStopping)
	case !a.ready.Load():
		reasons = append(reasons, isStarting)
	}
	if err := a.keys.Healthy(); err != nil {
		reasons = append(reasons, because("API keys", err)...)
	}
	if err := a.audit.Healthy(); err != nil {
		reasons = append(reasons, because("audit log", err)...)
	}
	if set := a.sinks.Load(); set != nil {
		if err := set.Ready(); err != nil {
			reasons = append(reasons, because("audit sinks", err)...)
		}
	}
	if !a.ready.Load() || !a.network {
		return reasons
	}
	if err := a.shared.healthy(ctx); err != nil {
		reasons = append(reasons, because("state", err)...)
	}
	if set := a.current.Load().tokens; set != nil {
		if err := set.Healthy(); err != nil {
			reasons = append(reasons, because("identity.issuers", err)...)
		}
	}
	return reasons
}

// because is a reason for each line of an error: several that are joined have one each. There is always
// one: without any the gateway would be ready.
func because(what string, err error) []string {
	reasons := strings.Split(err.Error(), "\n")
	for i, line := range reasons {
		reasons[i] = what + ": " + strings.TrimSpace(line)
	}
	return reasons
}

const (
	// readinessAge is how old an answer to strangers may be: however many ask, what is
	// shared is asked once in that time. Kubelets and balancers ask every few seconds.
	readinessAge = time.Second

	// readinessWithin bounds one look, below the second or so after which probers give up.
	readinessWithin = 800 * time.Millisecond
)

// readiness is what strangers are told. The zero value is ready, and says no.
type readiness struct {
	last    atomic.Pointer[looked]
	looking atomic.Bool
}

// looked is what was found, and when.
type looked struct {
	at    time.Time
	ready bool
}

// serves tells strangers whether the gateway can serve. Of those who ask at once one
// looks, and the others have what was found before.
func (a *App) serves(ctx context.Context) bool {
	if !a.ready.Load() {
		return false
	}
	r := &a.readiness
	last := r.last.Load()
	if last != nil && time.Since(last.at) < readinessAge || !r.looking.CompareAndSwap(false, true) {
		return last != nil && last.ready
	}
	defer r.looking.Store(false)
	ctx, cancel := context.WithTimeout(ctx, readinessWithin)
	defer cancel()
	found := looked{at: time.Now(), ready: len(a.Ready(ctx)) == 0}
	r.last.Store(&found)
	return found.ready
}

// leave says that the gateway will stop, and serves on for listen.stop.notice. Where
// balancers are waited for, no connection that they have opened meanwhile is reset.
func (a *App) leave() {
	a.stopping.Store(true)
	a.ready.Store(false)
	a.front.Announce()
	notice := time.Duration(a.Config.Listen.Stop.Notice)
	a.Log.Info("stopping", "notice", notice, "grace", time.Duration(a.Config.Listen.Stop.Grace))
	<-time.After(notice)
	if notice > 0 {
		a.front.Quiesce()
	}
}
