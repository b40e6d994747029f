// Package planner decides how a search runs and how its results are joined. It is
// pure: it sees numbers, never rows, files or SQL, so that every decision can be
// tested from a table and repeated from an explain record.
//
//	d := planner.Choose(planner.Input{
//		Rows: 50_000, Dims: 512, M: 16, K: 10, EfSearch: 64,
//		Filter: &planner.FilterInput{Matches: 480},
//		Costs:  planner.DefaultCosts(),
//	})
//	fmt.Println(d.Plan, d.Cost) // exact scan ...
//
// It has four verbs:
//
//   - Choose picks a plan for one leg of a search by its cost in nanoseconds and
//     keeps the plans it rejected, with their costs (plan.go, cost.go);
//   - Selectivity turns a sample of probed rows into an estimate and says whether
//     more of them are worth their time (selectivity.go);
//   - Fuse joins ranked lists: rrf, convex, dbsf, and the label-free default auto
//     (fuse.go);
//   - Diversify and Group reorder what is left: maximal marginal relevance and the
//     best n of each group (diversify.go).
//
// Explain is the record of all that, as JSON (explain.go).
//
// Nothing here keeps state; all functions may be called from any goroutine.
package planner
