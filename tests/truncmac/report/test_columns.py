from truncmac.report.columns import LAYER_COLUMNS, TOTAL_COLUMNS, columns_of


def test_every_figure_has_a_column(document):
    for columns, rows in (
        (LAYER_COLUMNS, document["layers"]),
        (TOTAL_COLUMNS, document["totals"]),
    ):
        assert sorted(column.key for column in columns) == sorted(rows[0])
        assert "energy_pj" not in [column.key for column in columns_of(columns, rows)]
