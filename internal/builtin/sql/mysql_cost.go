package sql

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// affordable refuses what the server takes for too expensive: by the cost that MySQL
// estimates, and by the rows that MariaDB expects to look at, whose EXPLAIN has no cost
// before version 11.
func (m *my) affordable(ctx context.Context, v *visit, stmt string, args []any) error {
	if m.set.MaxCost == 0 {
		return nil
	}
	var cost float64
	var ok bool
	form, figure := "EXPLAIN FORMAT=JSON ", "would cost %.0f by MySQL's estimate"
	if v.maria {
		form, figure = "EXPLAIN ", "would look at %.0f rows by MariaDB's estimate"
	}
	columns, plan, err := v.told(ctx, form+stmt, args...)
	switch {
	case err != nil:
		return err
	case v.maria:
		cost, ok = lookedAt(columns, plan)
	case len(plan) == 1 && len(plan[0]) == 1:
		cost, ok = costOf([]byte(plan[0][0]))
	}
	if !ok {
		return fmt.Errorf("the cost of the statement cannot be told, and max_cost is %d", m.set.MaxCost)
	}
	if cost > float64(m.set.MaxCost) {
		return fmt.Errorf("the statement "+figure+", and %d is the most: ask for less, or by an index", cost, m.set.MaxCost)
	}
	return nil
}

// costOf is the sum of the costs of all query blocks of a plan of MySQL, in the first form of
// its JSON; in the second form the one of the whole
// (https://dev.mysql.com/doc/refman/8.4/en/explain.html).
func costOf(plan []byte) (cost float64, ok bool) {
	var whole struct {
		Cost *float64 `json:"estimated_total_cost"`
		Plan *struct {
			Cost *float64 `json:"estimated_total_cost"`
		} `json:"query_plan"`
	}
	var tree any
	if json.Unmarshal(plan, &tree) != nil || json.Unmarshal(plan, &whole) != nil {
		return 0, false
	}
	if whole.Plan != nil && whole.Plan.Cost != nil {
		return *whole.Plan.Cost, true
	}
	if whole.Cost != nil {
		return *whole.Cost, true
	}
	return blockCosts(tree)
}

func blockCosts(tree any) (cost float64, ok bool) {
	add := func(below any) {
		c, there := blockCosts(below)
		cost, ok = cost+c, ok || there
	}
	switch t := tree.(type) {
	case []any:
		for _, below := range t {
			add(below)
		}
	case map[string]any:
		for key, below := range t {
			said, text := below.(string)
			if key != "query_cost" || !text {
				add(below)
				continue
			}
			c, err := strconv.ParseFloat(said, 64)
			if err != nil {
				return 0, false
			}
			cost, ok = cost+c, true
		}
	}
	return cost, ok
}

// lookedAt is how many rows the steps of a plan of MariaDB look at
// (https://mariadb.com/kb/en/explain/). Within a query each step is done for every row that
// the steps before it leave together. A subquery that depends on what is around it is done
// as often as the longest query before it has rows.
func lookedAt(columns []string, plan [][]string) (sum float64, ok bool) {
	id, kind, rows := slices.Index(columns, "id"), slices.Index(columns, "select_type"), slices.Index(columns, "rows")
	if id < 0 || kind < 0 || rows < 0 || len(plan) == 0 {
		return 0, false
	}
	steps := map[string]float64{} // rows that the steps of a query so far leave, by its number
	longest := 1.0
	for _, step := range plan {
		n := 1.0 // NULL: no table is read
		if step[rows] != "" {
			var err error
			if n, err = strconv.ParseFloat(step[rows], 64); err != nil {
				return 0, false
			}
		}
		before, again := steps[step[id]]
		if !again {
			before = 1
			if strings.HasPrefix(step[kind], "DEPENDENT") || strings.HasPrefix(step[kind], "UNCACHEABLE") || strings.HasPrefix(step[kind], "LATERAL") {
				before = longest
			}
		}
		steps[step[id]] = before * max(n, 1)
		sum += steps[step[id]]
		longest = max(longest, steps[step[id]])
	}
	return sum, true
}
