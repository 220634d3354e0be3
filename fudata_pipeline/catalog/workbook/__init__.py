"""The official catalog workbook (政务信息资源目录, template of 发改高技〔2017〕1272号): out with export, in with import."""
