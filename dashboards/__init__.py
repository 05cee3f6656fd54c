"""What people look at while a lab runs, and what pages them: Grafana's dashboards, Prometheus' rules, all generated."""
