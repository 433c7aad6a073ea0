package sql_test

import (
	"net"
	"testing"

	own "doorward/internal/builtin/sql"
)

// What SHOW GRANTS of both servers says, as their manuals have it.
func TestGrants(t *testing.T) {
	mask := map[string][]string{"items": {"card"}}
	for line, want := range map[string]struct{ reads, masked bool }{
		"GRANT USAGE ON *.* TO `r`@`%`": {true, true},
		"GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '*B69027D44F6E5EDC07F1AEAD1477967B16F28227' REQUIRE SSL": {true, true},
		"GRANT SELECT ON *.* TO `r`@`%`":                                    {true, false},
		"GRANT SELECT ON `shop`.* TO `r`@`%`":                               {true, false},
		"GRANT SELECT ON `s%`.* TO `r`@`%`":                                 {true, false},
		"GRANT SELECT, SHOW VIEW ON `shop`.`orders` TO `r`@`%`":             {true, true},
		"GRANT SELECT, SHOW VIEW ON `Shop`.`Items` TO `r`@`%`":              {true, false},
		"GRANT SELECT ON \"shop\".\"items\" TO \"r\"@\"%\"":                 {true, false},
		"GRANT SELECT (`id`, `qty`) ON `shop`.`items` TO `r`@`%`":           {true, true},
		"GRANT SELECT (`id`, `CARD`) ON `shop`.`items` TO `r`@`%`":          {true, false},
		"GRANT SELECT (`card`) ON `shop`.`other` TO `r`@`%`":                {true, true},
		"GRANT SELECT (`a``, INSERT (b) ON `) ON `shop`.`items` TO `r`@`%`": {true, true}, // one name
		"REVOKE SELECT ON `mysql`.* FROM `r`@`%`":                           {true, true},
		"GRANT INSERT ON `shop`.`orders` TO `r`@`%`":                        {false, false},
		"GRANT SELECT, INSERT (`id`) ON `shop`.`orders` TO `r`@`%`":         {false, false},
		"GRANT SELECT ON `shop`.`orders` TO `r`@`%` WITH GRANT OPTION":      {false, false},
		"GRANT ALL PRIVILEGES ON `shop`.* TO `r`@`%`":                       {false, false},
		"GRANT SELECT, FILE ON *.* TO `r`@`%`":                              {false, false},
		"GRANT BACKUP_ADMIN,SET_USER_ID ON *.* TO `r`@`%`":                  {false, false},
		"GRANT EXECUTE ON FUNCTION `shop`.`f` TO `r`@`%`":                   {false, false},
		"GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION":     {false, false},
		"GRANT `writers` TO `r`@`%`":                                        {false, false},
		"GRANT `writers`@`%` TO `r`@`%`":                                    {false, false},
		"SET DEFAULT ROLE `writers` FOR `r`@`%`":                            {false, false},
		"GRANT SELECT ON `shop`.`orders":                                    {false, false},
		"":                                                                  {false, false},
	} {
		if reads, masked := own.MayOnlyRead(line, mask); reads != want.reads || masked != want.masked {
			t.Errorf("%s: %t, %t", line, reads, masked)
		}
	}
}

// In the clear nothing leaves this machine, whatever a name stands for.
func TestStays(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1": true, "127.9.9.9": true, "::1": true, "10.0.0.5": false, "0.0.0.0": false, "fe80::1": false, "192.0.2.1": false} {
		if got := own.Stays(&net.TCPAddr{IP: net.ParseIP(address)}); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
	if !own.Stays(&net.UnixAddr{Name: "/run/s", Net: "unix"}) {
		t.Error("a socket leaves this machine")
	}
}

// Plans of MySQL, in both forms that its manual shows.
func TestCostOf(t *testing.T) {
	for plan, want := range map[string]float64{
		`{"query_block": {"select_id": 1, "cost_info": {"query_cost": "1.25"}, "table": {"cost_info": {"read_cost": "1.00", "eval_cost": "0.25", "prefix_cost": "1.25"}}}}`:                           1.25,
		`{"query_block": {"union_result": {"query_specifications": [{"query_block": {"cost_info": {"query_cost": "1.5"}}}, {"query_block": {"cost_info": {"query_cost": "2.5"}}}]}}}`:                 4,
		`{"query": "/* select#1 */ select 1", "query_plan": {"operation": "Table scan on o", "estimated_total_cost": 0.55, "inputs": [{"estimated_total_cost": 0.4}]}, "json_schema_version": "2.0"}`: 0.55,
		`{"operation": "Table scan on o", "estimated_total_cost": 7}`:     7,
		`{"query_block": {"select_id": 1, "message": "No tables used"}}`:  -1,
		`{"query_block": {"cost_info": {"query_cost": "1.25 and more"}}}`: -1,
		`{"query_block": {"cost_info": {"query_cost": 12}}}`:              -1,
		`EXPLAIN`: -1,
	} {
		cost, ok := own.CostOf([]byte(plan))
		if ok != (want >= 0) || ok && cost != want {
			t.Errorf("%s: %v, %t", plan, cost, ok)
		}
	}
}

// Plans of MariaDB.
func TestLookedAt(t *testing.T) {
	columns := []string{"id", "select_type", "table", "rows"}
	for name, tc := range map[string]struct {
		plan [][]string
		want float64
	}{
		"join":      {[][]string{{"1", "SIMPLE", "a", "10"}, {"1", "SIMPLE", "b", "20"}}, 210},
		"no table":  {[][]string{{"1", "SIMPLE", "", ""}}, 1},
		"union":     {[][]string{{"1", "PRIMARY", "a", "10"}, {"2", "UNION", "b", "20"}, {"", "UNION RESULT", "<union1,2>", ""}}, 31},
		"dependent": {[][]string{{"1", "PRIMARY", "a", "10"}, {"2", "DEPENDENT SUBQUERY", "b", "20"}}, 210},
		"alone":     {[][]string{{"1", "PRIMARY", "a", "10"}, {"2", "SUBQUERY", "b", "20"}}, 30},
		"nothing":   {nil, -1},
		"unknown":   {[][]string{{"1", "SIMPLE", "a", "many"}}, -1},
	} {
		got, ok := own.LookedAt(columns, tc.plan)
		if ok != (tc.want >= 0) || ok && got != tc.want {
			t.Errorf("%s: %v, %t", name, got, ok)
		}
	}
	if _, ok := own.LookedAt([]string{"id", "rows"}, [][]string{{"1", "2"}}); ok {
		t.Error("a plan without its columns")
	}
}
