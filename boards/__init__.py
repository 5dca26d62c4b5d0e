"""Board files, one YAML file each; `snn_deploy.board.board` reads them."""
