"""What finished runs say: records, statistics, tables, figures, report."""
