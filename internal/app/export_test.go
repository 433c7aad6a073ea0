package app

import "github.com/prometheus/client_golang/prometheus"

// Describe tells of every metric that there can be, with or without a value.
func (a *App) Describe(to chan<- *prometheus.Desc) { a.metrics.Describe(to) }
